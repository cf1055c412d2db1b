"""The frontier as files: a table, data and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from risk.report.picture import drawn, formatter, shade
from risk.solver.frontier import CURVES, NOW, RECOMMENDED, Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = (
    "curve",
    "limit_usd",
    "borrow_power_usd",
    "avoidable_loss_cvar_usd",
    "bad_debt_cvar_usd",
    "exact_gap",
    "efficient",
)
UNITS = {"exact_gap": "fraction of borrow_power_usd", "*_usd": "USD", "changes": "as the chain stores them"}
AXES = {
    "avoidable_loss.cvar_usd": ("avoidable_loss_cvar_usd", "Borrowers' avoidable loss, CVaR"),
    "bad_debt.cvar_usd": ("bad_debt_cvar_usd", "Potential bad debt, CVaR"),
}
_MARKS = {NOW: ("s", "$c6", 45), RECOMMENDED: ("*", "$bad", 150)}
_HEIGHT_IN = 3.8


def table(points: Sequence[Point]) -> str:
    """Return the points as CSV, without the changes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for point in points:
        row = [getattr(point, name) for name in COLUMNS]
        writer.writerow("" if v is None else repr(v) if isinstance(v, float) else v for v in row)
    return out.getvalue()


def data(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return the points as JSON-ready values, with what each changes."""
    return [
        {name: getattr(point, name) for name in COLUMNS}
        | {"changes": [{"name": c.name, "before": c.before, "after": c.after} for c in point.changes]}
        for point in points
    ]


def picture(points: Sequence[Point]) -> str:
    """Return both curves as SVG, side by side, over borrowing power."""

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, curve in ((left, CURVES[0]), (right, CURVES[1])):
            _curve(axes, points, curve)
        left.set_ylabel("Borrowing power")
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, frameon=False, loc="outside upper left", ncols=4)

    return drawn(_HEIGHT_IN, draw)


def _curve(axes: Axes, points: Sequence[Point], curve: str) -> None:
    name, title = AXES[curve]
    own = sorted(
        (p for p in points if p.curve == curve), key=lambda p: (getattr(p, name), p.borrow_power_usd)
    )
    for only, label, fill in ((True, "efficient", "$accent"), (False, "another point does as well", "none")):
        shown = [p for p in own if p.efficient is only]
        axes.scatter(
            [getattr(p, name) for p in shown],
            [p.borrow_power_usd for p in shown],
            s=22,
            facecolors=fill if fill == "none" else shade(fill),
            edgecolors=shade("$accent"),
            label=label,
            zorder=3,
        )
    line = [p for p in own if p.efficient]
    axes.plot(
        [getattr(p, name) for p in line], [p.borrow_power_usd for p in line], color=shade("$accent"), lw=1.2
    )
    for point in points:
        if point.curve in _MARKS:
            marker, tone, size = _MARKS[point.curve]
            axes.scatter(
                [getattr(point, name)],
                [point.borrow_power_usd],
                s=size,
                marker=marker,
                color=shade(tone),
                label=point.curve,
                zorder=4,
            )
    axes.set_xlabel(title)
    axes.locator_params(axis="x", nbins=5)
    money = {"tickformat": "~s", "tickprefix": "$"}
    axes.xaxis.set_major_formatter(formatter(money))
    axes.yaxis.set_major_formatter(formatter(money))
    axes.grid(True, color=shade("$line"), linewidth=0.8)
    axes.set_axisbelow(True)
