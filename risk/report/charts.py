"""Charts of a review as Plotly ``{data, layout}`` dictionaries.

Colours are tokens (``$c1``, ``$bad``) that the page resolves for light or dark.  Names from
the chain are escaped, because Plotly reads a little HTML in labels.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from risk.report import formats
from risk.report.page import Chart

Spec = dict[str, Any]

COLOURS = ("$c1", "$c2", "$c3", "$c4", "$c5", "$c6")
MAX_LINES = 6  # more lines than colours cannot be told apart
_USD_AXIS = {"tickprefix": "$", "tickformat": "~s", "rangemode": "tozero"}


def text(name: str) -> str:
    """Return an untrusted name safe as Plotly text."""
    return html.escape(formats.label(name, 32), quote=False)


def number(value: float) -> float:
    """Return a value with six significant digits: more cannot be seen."""
    return float(f"{value:.6g}")


def bars(
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[float], str]],
    *,
    x_title: str = "",
    y_title: str = "USD",
    stacked: bool = False,
    horizontal: bool = False,
    hover: Sequence[str] | None = None,
) -> Spec:
    """Return a bar chart.

    Parameters
    ----------
    names : sequence of str, length n
        Untrusted category names.
    series : sequence of (name, values, colour token)
        Values have length n.
    x_title, y_title : str
        Titles of the category and of the value axis.
    stacked, horizontal : bool
    hover : sequence of str, length n, optional
        Trusted text shown for each bar instead of the plain value.
    """
    shown = [text(n) for n in names]
    places = list(range(len(shown)))  # positions, not names: two assets may bear one name
    data = [
        _bar(
            text(name),
            [number(v) for v in values],
            places,
            colour,
            hover or shown,
            horizontal,
            plain=not hover,
        )
        for name, values, colour in series
    ]
    categories = {
        "title": {"text": x_title},
        "tickmode": "array",
        "tickvals": places,
        "ticktext": shown,
        "showgrid": False,
        "zeroline": False,
    }
    values_axis = {"title": {"text": y_title}, **_USD_AXIS}
    layout: Spec = {"barmode": "stack" if stacked else "group", "showlegend": len(series) > 1}
    if horizontal:
        layout.update(xaxis=values_axis, yaxis={**categories, "autorange": "reversed", "automargin": True})
    else:
        layout.update(xaxis=categories, yaxis=values_axis)
    return {"data": data, "layout": layout}


def _bar(
    name: str,
    figures: list[float],
    places: list[int],
    colour: str,
    hover: Sequence[str],
    horizontal: bool,
    *,
    plain: bool,
) -> Spec:
    axis, name = "x" if horizontal else "y", text(name)
    amount = f"%{{customdata}}: %{{{axis}:$.3s}}<extra>{name}</extra>"
    return {
        "type": "bar",
        "name": name,
        "marker": {"color": colour},
        "orientation": "h" if horizontal else "v",
        **({"x": figures, "y": places} if horizontal else {"x": places, "y": figures}),
        "customdata": list(hover),
        "hovertemplate": amount if plain else "%{customdata}<extra></extra>",
    }


def lines(
    series: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    *,
    x_title: str,
    y_title: str,
    usd: bool = True,
    x_format: str = "+.1%",
) -> Spec:
    """Return a line chart of (name, x, y) series; at most `MAX_LINES` are drawn.

    Parameters
    ----------
    series : sequence of (name, x, y)
        Largest first; names are untrusted.
    x_title, y_title : str
    x_format : str
        How x reads: a change in percent unless given.
    usd : bool
        Whether y is USD; counts otherwise.
    """
    data = []
    for (name, x, y), colour in zip(series[:MAX_LINES], COLOURS, strict=False):
        y_text = "%{y:$.3s}" if usd else "%{y:,d} accounts"
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": text(name),
                "x": [number(v) for v in x],
                "y": [number(v) for v in y],
                "line": {"color": colour, "width": 2},
                "marker": {"color": colour, "size": 5},
                "hovertemplate": f"%{{x:{x_format}}}: {y_text}<extra>{text(name)}</extra>",
            }
        )
    y_axis = dict(_USD_AXIS) if usd else {"rangemode": "tozero", "tickformat": ",d"}
    layout = {
        "xaxis": {"title": {"text": x_title}, "tickformat": x_format.replace(".1%", ".0%")},
        "yaxis": {"title": {"text": y_title}, **y_axis},
        "showlegend": len(data) > 1,
    }
    return {"data": data, "layout": layout}


def chart(id_: str, title: str, spec: Spec, alt: str, **options: Any) -> Chart:
    """Return a `Chart`; ``alt`` says in words what it shows."""
    return Chart(id=id_, title=title, spec=spec, alt=alt, **options)
