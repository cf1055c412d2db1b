"""Draws a chart of the report as an SVG picture, for where no script runs: a forum, a repository.

The same `Chart` that Plotly draws in the page.  The picture holds no text, only outlines of the
font that comes with Matplotlib, and neither time nor settings of the reader's machine, so that it
has the same bytes everywhere.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from risk.report import formats
from risk.report.page import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_IN, _HEIGHT_IN, _ROW_IN = 8.0, 3.6, 0.3
_LEGEND_CHARACTERS = 100  # a line of the legend holds
_SALT = "breakwater"  # ids inside the picture depend on it, not on chance
_SETTINGS: Any = {
    "svg.hashsalt": _SALT,
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.parse_math": False,  # a name with dollar signs is a name
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
    "path.simplify": False,
}


def svg(chart: Chart) -> str:
    """Return the chart as SVG.

    Parameters
    ----------
    chart : Chart
        Of bars or lines, as `risk.report.charts` makes them.
    """
    return drawn(_height_in(chart), lambda figure: _draw(figure, figure.add_subplot(), chart))


def drawn(height_in: float, draw: Callable[[Figure], None]) -> str:
    """Return a figure as SVG: drawn by ``draw`` under the settings that all pictures share."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # whatever settings the machine has
        mpl.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        buffer = io.StringIO()
        # No date, no library's name; comments would hold the texts of strangers.
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"<!--.*?-->\s*", "", buffer.getvalue(), flags=re.S)


def _height_in(chart: Chart) -> float:
    if not _horizontal(chart):
        return _HEIGHT_IN
    rows = len(chart.spec["data"][0]["y"])
    return 1.0 + _ROW_IN * rows * (1 if chart.spec["layout"].get("barmode") == "stack" else len(_data(chart)))


def _data(chart: Chart) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = chart.spec["data"]
    return found


def _horizontal(chart: Chart) -> bool:
    return bool(_data(chart)) and _data(chart)[0].get("orientation") == "h"


def _draw(figure: Figure, axes: Axes, chart: Chart) -> None:
    layout = chart.spec["layout"]
    if any(d["type"] == "bar" for d in _data(chart)):
        _bars(axes, chart)
    else:
        _lines(axes, chart)
    for side, axis in (("xaxis", axes.xaxis), ("yaxis", axes.yaxis)):
        own = layout.get(side, {})
        title = _text(own.get("title", {}).get("text", ""))
        axes.set_xlabel(title) if side == "xaxis" else axes.set_ylabel(title)
        if "ticktext" in own:
            axis.set_ticks(own["tickvals"], [_tick(_text(t), side) for t in own["ticktext"]])
        else:
            axis.set_major_formatter(formatter(own))
            axis.grid(True, color=shade("$line"), linewidth=0.8)
    if layout.get("yaxis", {}).get("autorange") == "reversed":
        axes.invert_yaxis()
    axes.set_axisbelow(True)
    if layout.get("showlegend"):
        longest = max(len(_text(d["name"])) for d in _data(chart))
        columns = max(1, min(len(_data(chart)), _LEGEND_CHARACTERS // (longest + 6)))
        figure.legend(frameon=False, loc="outside upper left", ncols=columns)


def _bars(axes: Axes, chart: Chart) -> None:
    data, stacked = _data(chart), chart.spec["layout"].get("barmode") == "stack"
    wide = 0.72 if stacked else 0.72 / len(data)
    base = [0.0] * len(data[0]["x"])
    for k, series in enumerate(data):
        places, values = (series["y"], series["x"]) if _horizontal(chart) else (series["x"], series["y"])
        shift = 0.0 if stacked else (k - (len(data) - 1) / 2) * wide
        at = [p + shift for p in places]
        options: dict[str, Any] = {"color": shade(series["marker"]["color"])}
        options["label"] = _text(series["name"])
        if _horizontal(chart):
            axes.barh(at, values, wide, left=base, **options)
        else:
            axes.bar(at, values, wide, bottom=base, **options)
        if stacked:
            base = [b + v for b, v in zip(base, values, strict=True)]


def _lines(axes: Axes, chart: Chart) -> None:
    for series in _data(chart):
        colour = shade(series["line"]["color"])
        step = "steps-post" if series["line"].get("shape") == "hv" else "default"
        axes.plot(
            series["x"],
            series["y"],
            color=colour,
            marker="o",
            markersize=3,
            linewidth=1.6,
            drawstyle=step,
            linestyle="--" if series["line"].get("dash") else "-",
            label=_text(series["name"]),
        )
    if chart.spec["layout"].get("yaxis", {}).get("rangemode") == "tozero":
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))


def formatter(axis: Mapping[str, Any]) -> Any:
    """Return how numbers of an axis read, from Plotly's format."""
    from matplotlib.ticker import FuncFormatter

    pattern = str(axis.get("tickformat", ""))
    if "%" in pattern:
        return FuncFormatter(lambda v, _: f"{v * 100:g} %")
    if "s" in pattern:
        prefix = axis.get("tickprefix", "")
        return FuncFormatter(lambda v, _: f"{'-' if v < 0 else ''}{prefix}{_scaled(abs(v))}")
    return FuncFormatter(lambda v, _: f"{v:,.10g}")


def _scaled(value: float) -> str:
    text = formats.scaled(value)
    number = text.rstrip("kMBT")
    unit = text[len(number) :]
    return (number.rstrip("0").rstrip(".") if "." in number else number) + unit


def _text(shown: str) -> str:
    """Return a chart's text as plain characters that the font has."""
    return "".join(c if _drawable(c) else "�" for c in html.unescape(shown))


def _tick(name: str, side: str) -> str:
    """Return a name below a bar in short lines, that it does not run into the next."""
    import textwrap

    return "\n".join(textwrap.wrap(name, 12, max_lines=3)) if side == "xaxis" else name


@cache
def _drawable(character: str) -> bool:
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    path = font_manager.findfont("DejaVu Sans", fallback_to_default=False)
    return bool(FT2Font(path).get_char_index(ord(character)))


def shade(token: str) -> str:
    """Return a colour of the page's style, ``$accent``, as hexadecimal."""
    return _palette()[token.removeprefix("$")]


@cache
def _palette() -> Mapping[str, str]:
    """Return the light colours of the page's style."""
    css = files("risk.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    light = css[: css.index("}")]
    return dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", light))
