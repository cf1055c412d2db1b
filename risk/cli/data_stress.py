"""``breakwater data stress``: cross-venue stress of one moment, from what exchanges published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from abis.findings import Finding
    from oracles.candle_path import MarketView
    from oracles.feed import PriceFeed
    from risk.market_data.moment_summary import AssetMoment, Moment
    from risk.venues.venue import Venue

SCHEMA = "breakwater.data-stress/1"

_HELP = """Show how stressed exchanges are at one moment: one column an asset.

Dispersion between venues, depth against its own history, open interest, funding, and how far each \
oracle lags, from a folder that 'breakwater data fetch' filled. Nothing after --at is looked at. What \
exchanges do not publish comes from files of yours: liquidations per hour (--liquidations), leverage and \
the spectral radius (--positions with --profile). See docs/market-data.md.

Examples:

  breakwater data stress market

  breakwater data stress market --asset ETH --at 2025-12-01T06:00 --window 4h --json

  breakwater data stress market --feed eth-usd.toml --oracle ETH=2950.12

  breakwater data stress market --positions positions.csv --profile binance=large --profile okx=own.toml
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("stress", help=_HELP, no_args_is_help=True)(data_stress)


def data_stress(
    folder: Annotated[Path, typer.Argument(help="Folder that data fetch filled.")],
    asset: Annotated[
        list[str] | None, typer.Option("--asset", help="BTC; may be repeated; all by default.")
    ] = None,
    at: Annotated[str, typer.Option("--at", help="Moment, UTC; the latest in the folder by default.")] = "",
    window: Annotated[str, typer.Option("--window", help="How far back counts as now: 1h, 24h.")] = "24h",
    interval: Annotated[str, typer.Option("--interval", help="Length of the bars to read.")] = "5m",
    feed: Annotated[
        list[Path] | None,
        typer.Option("--feed", help="Feed file of 'oracle fit'; known USD feeds by default."),
    ] = None,
    oracle: Annotated[
        list[str] | None,
        typer.Option("--oracle", help="ASSET=PRICE that an oracle reports; may be repeated."),
    ] = None,
    liquidations: Annotated[
        Path | None, typer.Option("--liquidations", help="Table with time, asset, liquidated_usd.")
    ] = None,
    positions: Annotated[
        Path | None,
        typer.Option("--positions", help="Table: venue,asset,side,entry_usd,leverage,notional_usd[,count]."),
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", help="VENUE=NAME or FILE with the venue's rules; may be repeated."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 if something was found.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show how stressed exchanges are at one moment."""
    from risk.cli.oracle_series import refuse_findings, tell
    from risk.cli.progress import reporting
    from risk.market_data.moment_summary import Asked, moment

    files = [p for p in (*(feed or []), liquidations, positions, *_profile_files(profile or [])) if p]
    asked = Asked(
        assets=tuple(dict.fromkeys(asset or [])),
        at_s=_at(at),
        window_s=_window(window),
        interval=interval,
        feeds=_feeds(feed or []),
        oracle_usd=_oracles(oracle or []),
        liquidations=_liquidations(liquidations),
        positions=_positions(positions, profile or []),
        venues=_venues(profile or []),
    )
    with reporting({}) as report:
        found, findings = moment(folder, asked, report)
    if as_json:
        typer.echo(_json(found, findings, asked.window_s, interval, folder, files), nl=False)
    else:
        _print(found)
        tell(findings)
    refuse_findings(findings, strict)


def _at(text: str) -> int | None:
    from risk.cli.oracle_series import day

    return int(day(text)) if text else None


def _window(text: str) -> int:
    import pandas as pd

    from abis.errors import InputError

    try:
        seconds = pd.Timedelta(text).total_seconds()
    except ValueError:
        seconds = 0.0
    if not seconds >= 1.0:
        raise InputError(f"'{text}' is no length of time.", remedy="Write --window 1h or 24h.")
    return int(seconds)


def _feeds(paths: Sequence[Path]) -> dict[str, tuple[PriceFeed, MarketView]]:
    """Return feeds by the coin they price."""
    from abis.errors import InputError
    from oracles.facts import pair
    from oracles.feed_file import read_feed

    out = {}
    for path in paths:
        feed, view = read_feed(path)
        named = pair(feed.description)
        if named is None or named[1] != "USD":
            raise InputError(
                f"{path.name} is the feed '{feed.description}', not one of a coin in dollars.",
                remedy="Give a feed such as ETH / USD.",
            )
        out[named[0]] = (feed, view)
    return out


def _oracles(texts: Sequence[str]) -> dict[str, float]:
    from abis.errors import InputError

    out = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            price = float(value)
        except ValueError:
            price = 0.0
        if not name or not 0.0 < price < float("inf"):
            raise InputError(f"--oracle '{text}' is no price.", remedy="Write it ETH=2950.12.")
        out[name] = price
    return out


def _liquidations(path: Path | None) -> Any:
    from risk.market_data.moment_liquidations import read_liquidations

    return None if path is None else read_liquidations(path)


def _positions(path: Path | None, profiles: Sequence[str]) -> Any:
    from abis.errors import InputError
    from risk.scenarios.candles import read_table

    if path is None:
        if profiles:
            raise InputError("--profile without positions says nothing.", remedy="Give --positions.")
        return None
    return read_table(path)


def _profile_files(texts: Sequence[str]) -> list[Path]:
    from risk.venues.profile import SHIPPED

    return [Path(t.partition("=")[2]) for t in texts if t.partition("=")[2] not in ("", *SHIPPED)]


def _venues(texts: Sequence[str]) -> dict[str, Venue]:
    from abis.errors import InputError
    from risk.venues.profile import SHIPPED, read_profile, shipped

    out = {}
    for text in texts:
        venue, _, source = text.partition("=")
        if not venue or not source:
            raise InputError(f"--profile '{text}' is no choice.", remedy="Write it binance=large.")
        out[venue] = (shipped(source) if source in SHIPPED else read_profile(Path(source))).venue
    return out


def _json(
    found: Moment,
    findings: Sequence[Finding],
    window_s: int,
    interval: str,
    folder: Path,
    files: Sequence[Path],
) -> str:
    from risk.cli.envelope import envelope
    from risk.cli.oracle_series import sha256_of
    from risk.market_data.moment_summary import UNITS

    inputs = {
        "window_s": window_s,
        "interval": interval,
        "data": {
            p.relative_to(folder).as_posix(): sha256_of(p) for p in sorted(folder.glob("*/*/*/*.parquet"))
        },
        "files": {p.name: sha256_of(p) for p in files},
    }
    return envelope(SCHEMA, found.to_json(), inputs=inputs, units=UNITS, findings=findings)


COLUMNS = 4  # assets side by side in 80 characters


def _print(found: Moment) -> None:
    from rich.console import Console

    from risk.report.formats import utc

    console = Console(highlight=False)
    console.print(f"Exchanges at {utc(found.at_s)}, and in the {found.window_s / 3600:g} h before")
    for first in range(0, len(found.assets), COLUMNS):
        console.print(_table(found.assets[first : first + COLUMNS]))
        console.print()
    radius = found.spectral_radius
    if radius is not None:
        told = "falls feed themselves" if radius >= 1.0 else "below 1: falls die out"
        console.print(f"spectral radius {radius:.2f} ({told})")


def _table(assets: Sequence[AssetMoment]) -> Any:
    from rich.text import Text

    from risk.cli.scenario_tables import plain_table
    from risk.report.formats import label

    table = plain_table("", "", *(label(a.asset, 12) for a in assets))
    for name, cell in _ROWS:
        table.add_row(name, *(Text(cell(a)) for a in assets))
    return table


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _usd(value: float | None) -> str:
    from risk.report.formats import usd

    return "–" if value is None else usd(value)


def _price(value: float | None) -> str:
    from risk.report.formats import price

    return "–" if value is None else price(value)


def _name(text: str | None) -> str:
    from risk.report.formats import label

    return "–" if text is None else label(text, 14)


_ROWS: Sequence[tuple[str, Any]] = (
    ("fair price", lambda a: _price(a.fair_usd)),
    ("venues with a price", lambda a: str(a.venues)),
    ("dispersion", lambda a: _number(a.dispersion, ".2%")),
    ("  lowest", lambda a: _name(a.lowest)),
    ("  highest", lambda a: _name(a.highest)),
    ("widest dispersion", lambda a: _number(a.widest_dispersion, ".2%")),
    ("bids within 1 %", lambda a: _usd(a.bid_depth_usd)),
    ("  of what is usual", lambda a: _number(a.depth_share, ".0%")),
    ("open interest", lambda a: _usd(a.open_interest_usd)),
    ("  change", lambda a: _number(a.open_interest_change, "+.1%")),
    ("leverage", lambda a: _number(a.leverage, ".1f")),
    ("funding a year", lambda a: _number(a.funding_year, "+.1%")),
    ("liquidated an hour", lambda a: _usd(a.liquidated_usd_hour)),
    ("oracle, reported", lambda a: _price(a.oracle_usd)),
    ("  fair beyond it", lambda a: _number(a.oracle_gap, "+.2%")),
    ("oracle, predicted", lambda a: _price(a.predicted_usd)),
    ("  fair beyond it", lambda a: _number(a.predicted_gap, "+.2%")),
    ("  widest", lambda a: _number(a.widest_gap, "+.2%")),
    ("  last round before", lambda a: "–" if a.predicted_age_s is None else f"{a.predicted_age_s:,.0f} s"),
)
