"""Pictures of charts: the same bytes everywhere, and nothing of a name but its outline."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest

from risk.report import charts
from risk.report.page import Chart
from risk.report.picture import svg

NAMES = ("WETH", "$x^2$ --><script>alert(1)</script>", "\u202e名前😀" + "long " * 40)


def _bars(names: tuple[str, ...], *, horizontal: bool) -> Chart:
    spec = charts.bars(
        names,
        [("before", [1e6, 2.5e6, 0.0], "$c1"), ("after", [2e6, 1e6, 10.0], "$c2")],
        horizontal=horizontal,
    )
    return charts.chart("bars", "Bars", spec, "Bars of three assets.")


def _lines() -> Chart:
    series = [(name, [-0.05, 0.0], [1e6 * (k + 1), 0.0]) for k, name in enumerate(NAMES)]
    return charts.chart(
        "lines", "Lines", charts.lines(series, x_title="change", y_title="USD"), "Lines that fall."
    )


CHARTS = {"upright": _bars(NAMES, horizontal=False), "flat": _bars(NAMES, horizontal=True), "lines": _lines()}


@pytest.mark.parametrize("which", list(CHARTS))
def test_a_picture_is_outlines_only(which: str) -> None:
    text = svg(CHARTS[which])
    root = ET.fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {
        "svg",
        "metadata",
        "RDF",
        "Work",
        "type",
        "format",
        "defs",
        "style",
        "g",
        "path",
        "use",
        "clipPath",
        "rect",
    }
    assert "<!--" not in text
    assert "alert" not in text
    for element in root.iter():
        for key, value in element.attrib.items():
            if key.endswith("href"):
                assert value.startswith("#")


@pytest.mark.parametrize("which", list(CHARTS))
def test_settings_of_the_machine_change_nothing(which: str) -> None:
    plain = svg(CHARTS[which])
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None, "axes.grid": True, "savefig.dpi": 30}):
        assert svg(CHARTS[which]) == plain
    assert not re.search(r"\d{4}-\d\d-\d\dT", plain)


def test_what_is_drawn_follows_the_figures() -> None:
    low = charts.bars(("a",), [("s", [1e6], "$c1")])
    high = charts.bars(("a",), [("s", [2e6], "$c1")])
    assert svg(charts.chart("x", "X", low, "x")) != svg(charts.chart("x", "X", high, "x"))
