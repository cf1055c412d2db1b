"""The HTML report: one file, offline, escaped, the same bytes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.report.details import page
from risk.report.html import chart_data, plotly_js, style_ids, to_html
from risk.report.markdown import to_markdown
from risk.report.page import Page
from tests.risk.report import made
from tests.risk.report.conftest import reviewed

LIBRARY_LIMIT = 6_000_000
NASTY = "<>\"'`/=&;|[]()\\*_!$%{}ab \n"


class _Reader(HTMLParser):
    """Collects tags, attributes, text outside scripts, and scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif not self._inside:
            self.words.append(data)


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    return reader


def _kinds(reader: _Reader) -> set[tuple[str, str]]:
    return {(tag, key) for tag, attributes in reader.tags for key in (*attributes, "")}


@pytest.fixture(scope="module")
def text(report: Page) -> str:
    return to_html(report)


def test_it_is_one_file_without_references(text: str) -> None:
    assert len(text.encode()) < LIBRARY_LIMIT
    for tag, attributes in _read(text).tags:
        assert tag not in ("link", "iframe", "object", "embed", "img", "base", "form"), tag
        assert "src" not in attributes, (tag, attributes)
        assert not (attributes.get("href") or "#").strip().lstrip("#").startswith(("http", "//", "java"))


def test_every_href_stays_on_the_page(text: str) -> None:
    reader = _read(text)
    ids = {a["id"] for _, a in reader.tags if a.get("id")}
    hrefs = [a["href"] for _, a in reader.tags if a.get("href")]
    assert hrefs
    assert {(h or "").removeprefix("#") for h in hrefs} <= ids
    assert len(ids) == sum(1 for _, a in reader.tags if a.get("id"))


def test_only_scripts_of_the_page_may_run(text: str) -> None:
    import base64
    import hashlib

    reader = _read(text)
    (policy,) = [a["content"] for _, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    allowed = set(re.findall(r"'(sha256-[^']+)'", policy.split("script-src ")[1].split(";")[0]))
    kinds = [a.get("type") for tag, a in reader.tags if tag == "script"]
    run = [s for s, kind in zip(reader.scripts, kinds, strict=True) if kind is None]
    hashes = {"sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in run}
    assert hashes == allowed
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy


def test_charts_are_valid_plotly_and_have_words(report: Page) -> None:
    charts = [c for s in (*report.sections, *report.details) for c in s.charts]
    assert len(charts) >= 9
    assert len({c.id for c in charts}) == len(charts)
    for chart in charts:
        assert chart.alt
        assert chart.spec["data"]
        go.Figure(json.loads(re.sub(r'"\$[a-z]+[0-9]?"', '"#123456"', json.dumps(chart.spec))))


def test_every_colour_token_is_defined(report: Page, text: str) -> None:
    specs = json.dumps([c.spec for s in report.sections for c in s.charts])
    for token in re.findall(r'"\$([a-z]+[0-9])"', specs):
        assert text.count(f"--{token}:") == 3  # light, dark by the system, dark by choice


def test_depth_is_named_wherever_a_number_rests_on_it(report: Page, text: str) -> None:
    flagged = sum(t.depth for s in (*report.sections, *report.details) for t in s.tables)
    flagged += sum(c.depth for s in report.sections for c in s.charts) + sum(t.depth for t in report.tiles)
    badges = re.findall(r'<span class="badge" title="No depth[^>]*>INFINITE DEPTH ASSUMED</span>', text)
    assert len(badges) == flagged > 5
    assert "INFINITE DEPTH ASSUMED" in " ".join(report.headline)


def test_hostile_names_stay_text(hostile: Page) -> None:
    reader = _read(to_html(hostile))
    kinds = {tag for tag, _ in reader.tags}
    assert "img" not in kinds
    assert sum(tag == "script" for tag, _ in reader.tags) == 2 + sum(
        len(s.charts) for s in (*hostile.sections, *hostile.details)
    )
    assert not any(key.startswith("on") for _, attributes in reader.tags for key in attributes)
    words = "".join(reader.words)
    assert "<script>alert(1)</script>" in words
    assert '"><img src=x onerror=alert(1)>' in words
    assert "\u202e" not in words
    assert "'=cmd()" in words


@settings(max_examples=15)
@given(st.lists(st.text(NASTY, min_size=1, max_size=12), min_size=7, max_size=7, unique=True))
def test_names_of_any_kind_add_no_markup(text: str, names: list[str]) -> None:
    """RPT-10: names of any kind add no tag, attribute or cell to the reports."""
    report = page(reviewed(made.market(tuple(names[:6]), names[6])))
    reader = _read(to_html(report).replace(plotly_js(), ""))
    plain = _read(text.replace(plotly_js(), ""))
    assert _kinds(reader) <= _kinds(plain)
    for block in to_markdown(report).split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_hostile_names_cannot_leave_a_chart(hostile: Page) -> None:
    for chart in (c for s in hostile.sections for c in s.charts):
        embedded = str(chart_data(chart.spec))
        assert "<" not in embedded
        assert json.loads(embedded) == chart.spec
        # Plotly reads HTML in labels: what reaches it is escaped once more.
        assert not re.search(r"<(?!extra>|/extra>)", json.dumps(chart.spec))


def test_the_library_ends_its_element_only_at_the_end() -> None:
    assert "</script" not in plotly_js().lower()
    assert style_ids('document.getElementById("' + "a" * 64 + '")') == ["a" * 64]


def test_the_same_page_gives_the_same_bytes(report: Page, text: str) -> None:
    assert to_html(report) == text
