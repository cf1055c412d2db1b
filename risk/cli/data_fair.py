"""``breakwater data fair``: the fair price of a symbol from the candles of several venues."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from abis.findings import Finding

SCHEMA = "breakwater.data-fair/1"

_HELP = """Make the fair price of a symbol: the trimmed median of at least three venues.

Reads the candles that 'breakwater data fetch' put into FOLDER. Venues further than --trim from the median \
are left out; where fewer than three have a price there is none. A venue counts once, with the first of its \
symbols in the order given. The result is a candle file: it can be the history of a scenario spec.

Examples:

  breakwater data fair candles --symbol BTC/USDT --output btc-fair.parquet

  breakwater data fair candles --symbol BTC/USDT --symbol BTC/USD --interval 1m --output btc-fair.parquet
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("fair", help=_HELP, no_args_is_help=True)(data_fair)


def data_fair(
    folder: Annotated[Path, typer.Argument(help="Folder that data fetch filled.")],
    symbol: Annotated[
        list[str],
        typer.Option("--symbol", help="BTC/USDT; repeat it for other quotes, the preferred one first."),
    ],
    output: Annotated[Path, typer.Option("--output", help="Parquet file to write.", show_default=False)],
    interval: Annotated[str, typer.Option("--interval", help="Length of a bar.")] = "5m",
    trim: Annotated[float, typer.Option("--trim", min=0.0, help="Fraction of the median.")] = 0.02,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 if something was found.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a summary as JSON.")] = False,
) -> None:
    """Make the fair price of a symbol from the candles of at least three venues."""
    from abis.errors import OutputExists
    from risk.cli.envelope import envelope
    from risk.cli.oracle_series import refuse_findings, tell
    from risk.cli.outputs import write_bytes

    if output.is_dir():
        raise OutputExists(f"'{output}' is a folder.", remedy="Name a file with --output.")
    if output.exists() and not force:
        raise OutputExists(f"'{output}' exists.", remedy="Choose another file or give --force.")
    closes = _closes(folder, symbol, interval)
    rows, findings = _fair(closes, symbol, interval, trim)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(output, rows.to_parquet(index=False))
    if as_json:
        data = {
            "venues": list(closes.columns),
            "times": len(closes),
            "priced": len(rows),
            "widest_dispersion": float(rows["dispersion"].max()) if len(rows) else None,
        }
        inputs = {"symbols": list(symbol), "interval": interval, "trim": trim}
        units = {"widest_dispersion": "fraction of the median"}
        typer.echo(envelope(SCHEMA, data, inputs=inputs, units=units, findings=findings), nl=False)
    else:
        typer.echo(f"{len(rows):,} fair prices of {len(closes.columns)} venues.")
        tell(findings)
    refuse_findings(findings, strict)


def _closes(folder: Path, symbols: Sequence[str], interval: str) -> pd.DataFrame:
    """Return closes by venue: each has one voice, its first symbol in the order they were given.

    Raises
    ------
    InputError
        If symbols are of different assets, or fewer than three venues have one.
    """
    from abis.errors import InputError
    from risk.market_data.fair_price import closes_by_venue
    from risk.market_data.parts import read_series, series_in

    bases = dict.fromkeys(s.partition("/")[0] for s in symbols)
    if len(bases) > 1:
        raise InputError(
            f"symbols of {', '.join(bases)} have no common price.", remedy="Give those of one asset."
        )
    found = [s for s in series_in(folder) if s.kind == "candles" and s.interval == interval]
    ordered = sorted((s for s in found if s.symbol in symbols), key=lambda s: symbols.index(s.symbol))
    first = {s.venue: s for s in reversed(ordered)}
    return closes_by_venue({f"{s.venue} {s.symbol}": read_series(folder, s) for s in first.values()})


def _fair(
    closes: pd.DataFrame, symbols: Sequence[str], interval: str, trim: float
) -> tuple[pd.DataFrame, list[Finding]]:
    import numpy as np
    import pandas as pd

    from abis.findings import Finding, FindingKind, Severity
    from risk.market_data.fair_price import fair_findings, fair_price

    fair = fair_price(closes.to_numpy(dtype=np.float64), trim=trim)
    name = symbols[0]
    time_s = pd.Series(closes.index).dt.as_unit("s").astype("int64").to_numpy()
    findings = list(fair_findings(fair, time_s, list(closes.columns), name))
    used = [column.partition(" ")[2] for column in closes.columns]
    quotes = sorted({s.partition(":")[0].partition("/")[2] for s in used})
    if len(quotes) > 1:
        text = f"quotes {', '.join(quotes)} are taken as one currency."
        findings.append(Finding(FindingKind.UNVERIFIED, Severity.LOW, name, text))
    rows = pd.DataFrame(
        {
            "time": closes.index,
            "symbol": name.partition(":")[0],
            "interval": interval,
            "close": fair.price,
            "venues": fair.venues,
            "trimmed": fair.trimmed,
            "dispersion": fair.dispersion,
        }
    )
    return rows[rows["close"].notna()].reset_index(drop=True), findings
