"""``breakwater data fit``: fits the filtered historical simulation of scenario specs to candles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from risk.scenarios.fhs import Fhs
    from risk.scenarios.panel import Panel

SCHEMA = "breakwater.fhs-fit/1"

_HELP = """Fit a model of joint price paths to candles.

Each coin's volatility is a GJR-GARCH(1,1) with Student-t innovations; what is left is kept as a sample of \
joint hours, with Pareto tails and the state of each hour: after a fall, after a macro-economic release, and \
where the price stood in its range. Name the file as model in a scenario spec (docs/scenarios.md).

Examples:

  breakwater data fit candles/*.parquet --coin ETHUSDT=ETH --coin BTCUSDT=BTC --output model.parquet

  breakwater data fit eth.csv btc.csv --step 300 --output model.parquet --json
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("fit", help=_HELP, no_args_is_help=True)(data_fit)


def data_fit(
    files: Annotated[list[Path], typer.Argument(help="Candles, CSV or Parquet.")],
    output: Annotated[Path, typer.Option("--output", help="The model's file.", show_default=False)],
    coin: Annotated[list[str] | None, typer.Option("--coin", help="SYMBOL=COIN; else all symbols.")] = None,
    step: Annotated[int, typer.Option("--step", min=1, help="Seconds of one return.")] = 3600,
    market: Annotated[str, typer.Option("--market", help="Where the files have that column.")] = "spot",
    interval: Annotated[str, typer.Option("--interval", help="Where a symbol has several.")] = "",
    label: Annotated[str, typer.Option("--label", help="What the candles are; kept in the file.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the parameters as JSON.")] = False,
) -> None:
    """Fit a model of joint price paths to candles."""
    from abis.errors import OutputExists
    from risk.cli.progress import reporting
    from risk.scenarios.fhs import fit, write_fhs
    from risk.scenarios.macro_events import calendar
    from risk.scenarios.panel import read_panel

    if output.is_dir():
        raise OutputExists(f"'{output}' is a folder.", remedy="Name a file with --output.")
    if output.exists() and not force:
        raise OutputExists(f"'{output}' exists.", remedy="Choose another file or give --force.")
    assets = _coins(coin or [])
    with reporting({"read": "Series read", "fit": "Coins fitted"}) as report:
        panel = read_panel(files, step_s=step, assets=assets, market=market, interval=interval or None)
        report("read", len(panel.coins), len(panel.coins))
        model = fit(panel, event_s=calendar(), source=_source(panel, files, label))
        report("fit", len(panel.coins), len(panel.coins))
    output.parent.mkdir(parents=True, exist_ok=True)
    write_fhs(model, output)
    if as_json:
        typer.echo(_json(model, files), nl=False)
    else:
        _print(model)


def _coins(pairs: Sequence[str]) -> dict[str, str] | None:
    from abis.errors import InputError

    for pair in pairs:
        if not all(pair.partition("=")):
            raise InputError(f"--coin '{pair}' is no choice.", remedy="Write it ETHUSDT=ETH.")
    symbols = [pair.partition("=")[0] for pair in pairs]
    again = next((s for s in symbols if symbols.count(s) > 1), None)
    if again is not None:
        raise InputError(f"--coin names {again} twice.", remedy="Give each symbol one coin.")
    return {pair.partition("=")[0]: pair.partition("=")[2] for pair in pairs} or None


def _source(panel: Panel, files: Sequence[Path], label: str) -> str:
    import hashlib

    from risk.cli.scenario_options import sha256_of
    from risk.scenarios.candles import iso

    first, last = (iso(int(t))[:10] for t in (panel.end_s[0], panel.end_s[-1]))
    hashes = "".join(sorted(sha256_of(path) or "" for path in files))
    digest = hashlib.sha256(hashes.encode()).hexdigest()[:16]
    what = f"{label}: " if label else ""
    return f"{what}closes every {panel.step_s} s within {first} to {last}; files {digest}"


def _json(model: Fhs, files: Sequence[Path]) -> str:
    from risk.cli.envelope import envelope
    from risk.cli.scenario_options import sha256_of

    coins = {
        name: {"marginal": m.to_json(), "lower": t.lower.to_json(), "upper": t.upper.to_json()}
        for name, m, t in zip(model.coins, model.marginals, model.tails, strict=True)
    }
    data = {
        "coins": coins,
        "step_s": model.step_s,
        "n_returns": len(model.residual),
        "starts": {name: dict(zip(model.coins, v.tolist(), strict=True)) for name, v in model.starts.items()},
        "down_threshold": model.down_threshold,
        "rows_by_state": {name: _counts(state.tolist()) for name, state in model.states.items()},
        "sha256": model.sha256,
    }
    units = {
        "omega": "squared log return of one step",
        "starts": "squared log return of one step",
        "threshold": "standard deviations",
        "down_threshold": "log return",
    }
    inputs = {"files": {path.name: sha256_of(path) for path in files}}
    return envelope(SCHEMA, data, inputs=inputs, units=units)


def _counts(states: Sequence[int]) -> dict[str, int]:
    return {str(state): states.count(state) for state in sorted(set(states)) if state >= 0}


def _print(model: Fhs) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("coin", "alpha", "gamma", "beta", "nu", "lower tail xi", "upper tail xi")
    for coin, m, t in zip(model.coins, model.marginals, model.tails, strict=True):
        cells = (m.alpha, m.gamma, m.beta, m.nu, t.lower.xi, t.upper.xi)
        table.add_row(Text(coin), *(f"{value:.3f}" for value in cells))
    Console().print(table)
    typer.echo(f"{len(model.residual):,} joint returns of {model.step_s} s.")
