"""The Markdown report: tables that render, names that stay names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.report.markdown import cell, prose, to_markdown
from risk.report.page import Page

_BAR = re.compile(r"(?<!\\)\|")


def _tables(text: str) -> list[list[str]]:
    blocks = [b.splitlines() for b in text.split("\n\n")]
    return [b for b in blocks if b[0].startswith("|")]


@pytest.mark.parametrize("which", ["report", "hostile"])
def test_every_row_of_a_table_has_the_cells_of_its_head(which: str, request: pytest.FixtureRequest) -> None:
    tables = _tables(to_markdown(request.getfixturevalue(which)))
    assert len(tables) > 8
    for lines in tables:
        assert len({len(_BAR.findall(line)) for line in lines}) == 1, lines[0]
        assert re.fullmatch(r"\|( -{3}:? \|)+", lines[1])


def test_it_starts_with_a_short_summary(report: Page) -> None:
    text = to_markdown(report)
    assert text.startswith("# Risk review of made-v3\n")
    head = text[: text.index("## Findings")]
    assert "At block 24,000,000 the market holds" in head
    assert len(head) < 1_500
    assert "## Assumptions" in text
    assert "no proof of safety" in text


def test_it_is_short_enough_for_a_forum(report: Page) -> None:
    assert len(to_markdown(report)) < 32_000  # the usual limit of a Discourse post


def test_depth_is_named_under_every_table_that_rests_on_it(report: Page) -> None:
    text = to_markdown(report)
    shown = [t for s in (*report.sections, *report.details) for t in s.tables if t.markdown_rows and t.rows]
    assert text.count("† INFINITE DEPTH ASSUMED.") == sum(t.depth for t in shown)


def test_hostile_names_are_inert(hostile: Page) -> None:
    text = to_markdown(hostile)
    outside_code = re.sub(r"`[^`\n]*`", "", text)
    assert not re.search(r"(?<!\\)<(?!=)", outside_code)
    assert not re.search(r"(?<!\\)[\[\]]", outside_code)
    assert "http://" not in outside_code
    assert "@all" not in outside_code
    assert "\u202e" not in text
    assert "`'=cmd()" in text


@pytest.mark.parametrize(
    "name", ["WETH", "wstETH/WETH -5%", "USDC.e", "USD₮0", "0x1234…abcd", "PT-sUSDE-27NOV2025"]
)
def test_plain_names_stay_plain(name: str) -> None:
    assert cell(name) == name


@pytest.mark.parametrize(
    "name",
    ["a|b", "[x](y)", "evil.io", "http://x", "@all", "<b>", "*b*", "`c`", "~~s~~", "&lt;", "$x$", "!x"],
)
def test_anything_else_is_code(name: str) -> None:
    assert re.fullmatch(r"`[^`\n]+`", cell(name))


@given(st.text(min_size=1, max_size=40))
def test_a_cell_never_breaks_its_table(name: str) -> None:
    """RPT-7: any text is one cell of a Markdown table."""
    shown = cell(name)
    assert not _BAR.search(shown)
    assert "\n" not in shown
    assert shown.count("`") in (0, 2)


@given(st.text(max_size=80))
def test_prose_never_opens_markup(text: str) -> None:
    """RPT-8: any sentence renders as it reads: no markup, mention or line break."""
    shown = prose(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>|~#&$]", re.sub(r"\\.", "", shown))
    assert "@" not in shown
    assert "\n" not in shown
