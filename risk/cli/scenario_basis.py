"""``breakwater scenario basis``: funding, the yield of a basis-trade stablecoin, the loops that leave it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from protocols.snapshot import Snapshot
    from risk.venues.basis_file import Basis
    from risk.venues.basis_report import Answer
    from risk.venues.basis_secondary import Secondary
    from risk.venues.market import Market

SCHEMA = "breakwater.scenario_basis/1"
HELP = """Follow funding to the yield of a basis-trade stablecoin and to the loops that leave it.

The funding that perpetuals pay, a year, becomes what the backing earns and stakers are paid; that \
becomes the carry of every loop in the market on its equity; where carry is negative a share of each \
loop leaves, repays and so lowers the rate for the rest, until rates and leavers fit. Leaving takes \
time: sales on secondary markets at a discount, redemptions with a cooldown, and the issuer's orders \
on exchanges (perpetuals bought back, coins sold). Without --funding it is that of the December 2025 \
wave's model, which also takes the issuer's orders. The issuer is USDe unless --issuer names a TOML \
file. -o writes the discount as a directory of scenarios for breakwater stress --scenarios: the \
market price below a fair price that stays at redemption. What is assumed is told; what nothing \
identifies is run at both ends of its range. See docs/venues.md.

Examples:

  breakwater scenario basis snap --funding BTC=1.2%,ETH=3.5%

  breakwater scenario basis snap --issuer usde.toml --depth depth.csv --json

  breakwater scenario basis snap --funding BTC=-5%,ETH=-5% -o unwinding
"""


def basis(
    snapshot: Annotated[Path, typer.Argument(help="Market that holds the loops.", show_default=False)],
    funding: Annotated[
        str | None,
        typer.Option(help="What longs pay a year, by coin: BTC=1.2%,ETH=-3%.", show_default=False),
    ] = None,
    issuer: Annotated[
        Path | None, typer.Option(help="TOML file of the stablecoin; USDe by default.", show_default=False)
    ] = None,
    depth: Annotated[
        Path | None, typer.Option(help="What selling the token fetches (docs/depth.md).", show_default=False)
    ] = None,
    worst_discount: Annotated[
        float | None,
        typer.Option(help="Discount at which leavers wait, as a share of 1.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Directory to write.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Follow funding to the loops that leave."""
    from abis.errors import OutputExists, UnknownAsset
    from protocols.store import load
    from risk.cli.oracle_series import tell
    from risk.venues.basis_file import read_basis, usde
    from risk.venues.basis_loops import loops_of
    from risk.venues.basis_report import answer

    if output is not None and output.exists():
        raise OutputExists(f"{output.name} exists.", remedy="Choose another name or remove it.")
    taken, one = load(snapshot), usde() if issuer is None else read_basis(issuer)
    given = None if funding is None else parse_funding(funding)
    strange = next((c for c in given or {} if c not in one.issuer.basis), None)
    if strange is not None:
        raise UnknownAsset(
            f"'{strange}' does not back {one.issuer.name}.", remedy=f"Give {', '.join(one.issuer.basis)}."
        )
    loops, secondary = loops_of(taken, one.issuer), _secondary(depth, taken, one)
    market, rates, rows = _exchanges_of(given)
    found = answer(one, rates, loops, secondary, market, worst_discount=worst_discount)
    if output is not None:
        _write(found, taken, output)
    if as_json:
        typer.echo(_json(found, rows, taken, secondary, depth, given is not None), nl=False)
    else:
        _show(found, rows, secondary, given is not None)
    tell(found.findings)


def parse_funding(text: str) -> dict[str, float]:
    """Return yearly rates by coin of a text such as ``BTC=1.2%,ETH=-3%``.

    Raises
    ------
    InputError
        If a part is no coin and percentage, or a coin comes twice.
    """
    from abis.errors import InputError

    out: dict[str, float] = {}
    for part in text.split(","):
        coin, number = (text.strip() for text in part.partition("=")[::2])
        try:
            if not (coin and number.endswith("%")) or coin in out:
                raise ValueError
            out[coin] = float(number.removesuffix("%")) / 100.0
        except ValueError:
            raise InputError(
                f"'{part.strip()}' is no funding.", remedy="Write each coin once: BTC=1.2%,ETH=-3%."
            ) from None
    return out


def _secondary(depth: Path | None, taken: Snapshot, one: Basis) -> Secondary:
    from risk.depth import Depth
    from risk.venues.basis_secondary import published, secondary_of

    if depth is None:
        return published(one.issuer)
    return secondary_of(Depth.load(depth, taken), taken, one.issuer)


def _exchanges_of(
    given: dict[str, float] | None,
) -> tuple[Market, dict[str, float], list[dict[str, Any]]]:
    """Return exchanges for the issuer's orders, funding by coin, and by venue and coin where modelled."""
    from risk.venues.after import market_after
    from risk.venues.basis_flow import levered, market_funding, venue_funding
    from risk.venues.december import DAY_S, Fit, Free, grid, market, outside_of, simulate

    before, moments = market(Fit(), Free.used()), grid()
    if given is not None:
        return before, given, []
    wave = simulate(before, outside_of(Fit(), before, moments), moments)
    rates = venue_funding(before, wave.state, wave.record, DAY_S)
    traded = levered(before)
    rows = [
        {"venue": venue, "coin": coin, "per_8h": float(rates[v, k]) / (3 * 365), "year": float(rates[v, k])}
        for v, venue in enumerate(before.names())
        for k, coin in enumerate(before.assets)
        if traded[v, k]
    ]
    return market_after(before, wave.state), market_funding(before, rates), rows


def _write(found: Answer, taken: Snapshot, output: Path) -> None:
    from risk.scenarios.storage import write_scenarios
    from risk.venues.basis_exit import scenarios_of

    write_scenarios(scenarios_of(found.exit, taken, found.basis.issuer), output)
    typer.echo(f"Written to {output}.", err=True)


def _json(
    found: Answer,
    funding: list[dict[str, Any]],
    taken: Snapshot,
    secondary: Secondary,
    depth: Path | None,
    given: bool,
) -> str:
    from protocols.store import digest
    from risk.cli.envelope import envelope
    from risk.cli.scenario_options import sha256_of
    from risk.venues.basis_report import to_json

    data = to_json(found) | {"funding_by_venue": funding, "secondary_source": secondary.source}
    inputs: Mapping[str, Any] = {
        "snapshot_sha256": digest(taken),
        "depth_sha256": sha256_of(depth),
        "funding": "given" if given else "model of December 2025",
        "sources": dict(found.basis.sources),
        "assumed": dict(found.basis.assumed),
    }
    units = {
        "funding": "share of notional a year; per_8h per eight hours",
        "earned": "share of backing and of staked supply a year; USD a year",
        "loops": "USD; leverage pure number; carry share of equity a year; shares of 1",
        "carry": "share of equity a year",
        "reserves": "USD; utilisation share of 1; rates a year",
        "days": "USD since the start; discount share of 1",
        "flows": "USD",
        "exchanges": "funding a year; move of the index as a log difference",
        "not_identified": "value in the parameter's unit; yield a year; USD",
    }
    return envelope(SCHEMA, data, inputs=inputs, units=units, findings=found.findings)


def _show(found: Answer, funding: list[dict[str, Any]], secondary: Secondary, given: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    parts: list[Table | str] = [_venues(funding)] if funding else []
    parts += [_earned(found, given), _loops(found), _levers(found), _reserves(found)]
    if found.exit.wanted_usd[-1] > 0.0:
        parts += [_days(found), _left(found, secondary), _flows(found), _exchanges(found)]
    else:
        parts.append("No loop carries negatively: nobody leaves.")
    for part in (*parts, _ends(found)):
        console.print(part, end="\n\n")


def _venues(rows: list[dict[str, Any]]) -> Table:
    from risk.cli.scenario_tables import plain_table

    coins = list(dict.fromkeys(r["coin"] for r in rows))
    table = plain_table("Funding over the wave's day, per 8 h", "Venue", *coins)
    for venue in dict.fromkeys(r["venue"] for r in rows):
        cells = {r["coin"]: r for r in rows if r["venue"] == venue}
        table.add_row(
            venue,
            *(f"{cells[c]['per_8h']:.4%}" if c in cells else "–" for c in coins),
        )
    return table


def _earned(found: Answer, given: bool) -> str:
    one = found.basis.issuer
    rates = ", ".join(f"{c} {found.funding[c]:.2%}" for c in one.basis)
    whence = "as given" if given else "of the model of December 2025"
    text = (
        f"Funding a year, {whence}: {rates}.  The backing of {one.name} earns {found.earned.backing:.2%}, "
        f"staked tokens are paid {found.earned.staked:.2%} a year."
    )
    if found.earned.shortfall_usd > 0.0:
        text += f"  The reserve fund bears {found.earned.shortfall_usd:,.0f} USD a year."
    return text


def _loops(found: Answer) -> Table:
    from risk.cli.scenario_tables import amount, plain_table
    from risk.venues.basis_report import groups

    columns = ("E-mode", "Loops", "Collateral", "Debt", "Leverage", "Carry", "in the end", "Leaves")
    table = plain_table("Loops, and their carry a year on equity", *columns)
    for row in groups(found):
        table.add_row(
            "all" if row["emode"] is None else str(row["emode"] or "none"),
            str(row["accounts"]),
            *(amount(row[k]) for k in ("collateral_usd", "debt_usd")),
            f"{row['leverage']:.1f}",
            *(f"{row[k]:+.1%}" for k in ("carry_before", "carry")),
            f"{row['leaving_share']:.1%}",
        )
    return table


def _levers(found: Answer) -> Table:
    from risk.cli.scenario_tables import plain_table
    from risk.report.formats import label
    from risk.venues.basis_report import LEVERS, levers

    rows = levers(found)
    names = list(dict.fromkeys(r["reserve"] for r in rows))
    table = plain_table("Carry by leverage, in the end", "Leverage", *map(label, names))
    for lever in LEVERS:
        table.add_row(f"{lever:g}", *(f"{r['carry']:+.1%}" for r in rows if r["leverage"] == lever))
    return table


def _reserves(found: Answer) -> Table:
    from risk.cli.scenario_tables import amount, plain_table
    from risk.report.formats import label
    from risk.venues.basis_report import reserves

    columns = ("Reserve", "Loops owe", "Repaid", "Used", "in the end", "Rate", "in the end", "at least")
    table = plain_table("Debt reserves", *columns)
    for row in reserves(found):
        table.add_row(
            label(row["reserve"]),
            *(amount(row[k]) for k in ("loops_debt_usd", "repaid_usd")),
            *(f"{row[k]:.1%}" for k in ("utilisation_before", "utilisation")),
            *(f"{row[k]:.2%}" for k in ("rate_before", "rate", "lowest_rate")),
        )
    return table


def _days(found: Answer) -> Table:
    from risk.cli.scenario_tables import amount, plain_table
    from risk.venues.basis_report import days

    table = plain_table("Leaving, USD since the start", "Day", "Wanted", "Sold", "Redeemed", "Discount")
    rows = days(found)
    last = len(rows) - 1
    for n, row in enumerate(rows):
        if n in (0, 1, 3) or (n + 1) % 7 == 0 or n == last:
            usd = [amount(row[k]) for k in ("wanted_usd", "sold_usd", "redeemed_usd")]
            table.add_row(f"{row['day']:g}", *usd, f"{row['discount']:.2%}")
    return table


def _left(found: Answer, secondary: Secondary) -> str:
    from risk.report.formats import label
    from risk.venues.basis_exit import DAY_S

    out = found.exit
    before, after = out.supply_usd
    return (
        f"After {out.time_s[-1] / DAY_S:g} days: debt repaid "
        f"{out.repaid_usd + out.own_repaid_usd:,.0f} USD; supply {before:,.0f} to {after:,.0f}; "
        f"deepest discount {out.discount.max():.2%} below redemption, depth by {label(secondary.source)}.  "
        f"Leavers lose {out.sold_usd[-1] - out.proceeds_usd:,.0f} USD to buyers."
    )


def _flows(found: Answer) -> Table:
    from risk.cli.scenario_tables import amount, plain_table

    title = "The issuer's orders, USD"
    table = plain_table(title, "Venue", "Coin", "Perpetuals bought", "Coins sold")
    for row in found.flows:
        table.add_row(row["venue"], row["coin"], amount(row["bought_usd"]), amount(row["sold_usd"]))
    return table


def _exchanges(found: Answer) -> str:
    c = found.closed
    parts = [
        f"{a} {c.funding_without[a]:.3%} to {c.funding_with[a]:.3%}, index {c.move[a]:+.4%}" for a in c.move
    ]
    return (
        f"The busiest day redeems {found.busiest_day_usd:,.0f} USD.  Its orders move a year's funding from "
        f"{'; '.join(parts)}.  Closing shorts cannot lower funding: it does not feed the unwinding."
    )


def _ends(found: Answer) -> Table:
    from risk.cli.scenario_tables import amount, plain_table

    title = "Not identified: both ends of each range"
    table = plain_table(title, "Parameter", "Value", "Staked yield", "Debt that leaves")
    for row in found.ends:
        cells = (f"{row['value']:g}", f"{row['staked_yield']:.2%}", amount(row["repaid_usd"]))
        table.add_row(row["parameter"], *cells)
    return table
