"""``breakwater scenario waves``: past liquidation waves, and what prices did after them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from risk.venues.waves import Followed, PastWave

SCHEMA = "breakwater.past_waves/1"
HELP = """Show what followed past liquidation waves, with the size of the sample.

Dated waves with what was published of each, the price of BTC and ETH at midnight UTC after it, and \
returns 1, 7 and 30 days later; beside them what followed any day of the same candles. Waves closer than \
the horizon share what followed and count as one episode. The table ships; examples/past_waves.py \
measures it anew from candles. See docs/december-2025.md.

Examples:

  breakwater scenario waves

  breakwater scenario waves --json | jq '.data.followed'
"""


def waves(as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> None:
    """Show what followed past liquidation waves."""
    from risk.venues.waves import past_waves, what_followed

    held, followed = past_waves(), what_followed()
    if as_json:
        typer.echo(_json(held, followed), nl=False)
    else:
        _print(held, followed)


def _json(held: tuple[PastWave, ...], followed: tuple[Followed, ...]) -> str:
    from dataclasses import asdict

    from risk.cli.envelope import envelope

    data = {
        "waves": [
            {
                "date": w.date.isoformat(),
                "where": w.where,
                "liquidated_usd": w.liquidated_usd,
                "hours": w.hours,
                "what": w.what,
                "source": w.source,
                "end_usd": dict(w.end_usd),
                "day_return": dict(w.day_return),
                "after": [{"coin": c, "days": d, "return": r} for (c, d), r in w.after.items()],
            }
            for w in held
        ],
        "followed": [
            {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(f).items()}
            | {"statement": f.statement}
            for f in followed
        ],
    }
    units = {"waves": "USD; returns as shares of 1", "followed": "returns as shares of 1; counts"}
    return envelope(SCHEMA, data, inputs={"table": "shipped"}, units=units)


def _print(held: tuple[PastWave, ...], followed: tuple[Followed, ...]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_waves(held))
    console.print()
    console.print(_followed(followed))
    console.print()
    least = min(followed, key=lambda f: f.episodes)
    console.print(f"After {least.days} days, {least.coin}: {least.statement}")


def _waves(held: tuple[PastWave, ...]) -> Any:
    from risk.cli.scenario_tables import plain_table
    from risk.venues.waves import COINS, HORIZONS_DAYS

    columns = [c if d == 0 else f"+{d} d" for c in COINS for d in (0, *HORIZONS_DAYS)]
    table = plain_table("Waves: return of the day and after midnight UTC, %", "Date", "M USD", *columns)
    for w in held:
        cells = []
        for coin in COINS:
            returns = (w.day_return.get(coin), *(w.after.get((coin, d)) for d in HORIZONS_DAYS))
            cells += ["–" if r is None else f"{100 * r:+z.1f}" for r in returns]
        table.add_row(w.date.isoformat(), f"{w.liquidated_usd / 1e6:,.0f}", *cells)
    return table


def _followed(rows: tuple[Followed, ...]) -> Any:
    from risk.cli.scenario_tables import plain_table

    table = plain_table(
        "What followed, %; beside it any day", "After", "Waves", "Episodes", "Median", "Range", "Rose",
        "Any day", "Rose",
    )  # fmt: skip
    for f in rows:
        table.add_row(
            f"{f.coin} +{f.days} d",
            str(f.waves),
            str(f.episodes),
            f"{100 * f.median:+z.1f}",
            f"{100 * f.low:+z.1f} to {100 * f.high:+z.1f}",
            f"{f.rose} of {f.waves}",
            f"{100 * f.usual_median:+z.1f}",
            f"{f.usual_rose:.0%}",
        )
    return table
