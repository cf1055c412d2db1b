"""The report of a proposal: complete, every figure explained, escaped, within its budget."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from risk.proposal.changes import read_changes
from risk.proposal.report import every_chart, page
from risk.proposal.report_change import specification
from risk.report.html import to_html
from risk.report.page import Page
from tests.risk.proposal.pages import hostile, plain


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _explained(report: Page) -> list[tuple[str, tuple[str, ...]]]:
    sections = (*report.sections, *report.details)
    return [
        *((t.name, t.how) for t in report.tiles),
        *((c.id, c.how) for c in every_chart(report)),
        *((t.id, t.how) for s in sections for t in s.tables),
    ]


def test_every_figure_says_how_it_was_computed() -> None:
    report = page(plain())
    known = {figure for figure, _, _ in report.methods}
    explained = _explained(report)
    assert len(explained) > 25
    for name, how in explained:
        assert how, name
        assert set(how) <= known, name
    tables = {t.id for s in (*report.sections, *report.details) for t in s.tables}
    assert {c.table for c in every_chart(report)} <= tables


def test_links_lead_somewhere_and_nowhere_else() -> None:
    tags = _Tags(to_html(page(plain()))).found
    ids = {a["id"] for _, a in tags if a.get("id")}
    hrefs = [a["href"] or "" for _, a in tags if "href" in a]
    assert len(hrefs) > 40
    assert all(h.startswith("#") and h[1:] in ids for h in hrefs)
    assert not any("src" in a for _, a in tags)


def test_hostile_names_add_no_markup() -> None:
    tags = _Tags(to_html(page(hostile()))).found
    report = page(hostile())
    assert "img" not in {tag for tag, _ in tags}
    assert sum(tag == "script" for tag, _ in tags) == 2 + len(every_chart(report))
    assert not any(key.startswith("on") for _, a in tags for key in a)


def test_hostile_names_do_not_reorder_or_flood_the_page() -> None:
    text = to_html(page(hostile()))
    assert "\u202e" not in text
    assert "A" * 600 not in text
    assert ">=cmd" not in text


def test_an_ltv_that_waits_says_so() -> None:
    """The LTV of a frozen reserve is not shown as if it were in force."""
    market = plain().market
    weth = replace(market.reserves[0], frozen=True, ltv_bps=0)
    frozen = replace(
        market,
        market=replace(market.market, protocol="aave_v3", version="3.3"),
        reserves=(weth, *market.reserves[1:]),
    )
    changes = read_changes(["WETH.ltv=70%"], frozen)
    dossier = replace(plain(), market=frozen, evidence=replace(plain().evidence, changes=changes))
    (row,) = specification(dossier).tables[0].rows
    assert row["after"] == "70.00 %, once unfrozen"
