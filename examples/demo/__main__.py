"""``python -m examples.demo``: boot the demo market, snapshot, review, propose a change, solve for a plan.

The chain is real contract bytecode on a local node; the ``breakwater`` commands are exactly those a
user would type against a public market.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from abis.errors import BreakwaterError
from examples.localchain.install import install
from examples.localchain.tied import tied_process

from .tail import write_tail
from .world import DEFAULT_ACCOUNTS, DEFAULT_SEED, DemoWorld, open_demo_market

INTERRUPTED = 130
DEPTH = Path(__file__).resolve().parents[1] / "depth" / "assumed_demo_depth.csv"
LIMITS = {  # the larger sample sees days that the smaller does not
    "small_sample": Path(__file__).resolve().parent / "limits.toml",
    "full_sample": Path(__file__).resolve().parent / "limits_full_sample.toml",
}
CERTIFIED = {"small_sample": 500, "full_sample": 20_000}  # days drawn to certify on
PROPOSED = ("WETH.liquidation_threshold=82%", "WETH.ltv=79%", "wstETH.supply_cap=1.5M")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code of its last command."""
    options = _parser().parse_args(arguments)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _leave)
    console = Console(stderr=True, highlight=False)
    try:
        install()
        return _run(options, console)
    except BreakwaterError as error:
        console.print(f"error: {error}", style="bold red", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("Interrupted; the local chain is stopped.")
        return INTERRUPTED


def _run(options: argparse.Namespace, console: Console) -> int:
    with console.status("") as status:

        def say(step: str) -> None:
            console.print(f"[dim]==>[/dim] {step}")
            status.update(step)

        with open_demo_market(seed=options.seed, accounts=options.accounts, say=say) as world:
            status.stop()
            _describe(world, console)
            code = _commands(world, options.out, console) or _solve(options.out, options.full, console)
            if options.keep_running:
                console.print(f"The chain keeps running at {world.chain.node.url}; Ctrl-C stops it.")
                _wait_for_interrupt()
    return code


def _describe(world: DemoWorld, console: Console) -> None:
    head = world.chain.head()
    console.print(
        f"[dim]==>[/dim] {len(world.plans)} accounts are open at {world.chain.node.url}, block {head.number}"
    )


def _commands(world: DemoWorld, out: Path, console: Console) -> int:
    """Run the snapshot, the review, a proposal and its verification."""
    snapshot = str(out / "snapshot")
    proposal = str(out / "proposal")
    sets = [part for change in PROPOSED for part in ("--set", change)]
    calm = ("--max-age", "100000")  # the chain's clock is the plan's, not today's
    market = f"aave-v3:{world.market.provider.address}"
    commands = (
        ("snapshot", market, "--rpc", world.chain.node.url, "-o", snapshot, "--force"),
        ("review", snapshot, "-o", str(out), "--force"),
        ("propose", snapshot, *sets, "--depth", _shown(DEPTH), "-o", proposal, "--force", *calm),
        ("verify", proposal),
    )
    out.mkdir(parents=True, exist_ok=True)
    return _run_all(commands, console)


def _solve(out: Path, full: bool, console: Console) -> int:
    """Solve under the wave of December 2025 and drawn days, and verify what came of it."""
    name = "full_sample" if full else "small_sample"
    console.print(
        f"\n[dim]==>[/dim] Writing the wave of December 2025 and a {name.replace('_', ' ')} of days"
    )
    spec = str(write_tail(out / "snapshot", out / "scenarios", name))
    solution = str(out / f"solution_{name}")
    judged = ("--scenarios", spec, "--depth", _shown(DEPTH))
    certified = ("--certify", str(CERTIFIED[name]), "--certify-with", "mixture")
    limits = ("--limits", _shown(LIMITS[name]))
    again = ("--force", "--restart")
    code = _run_all(
        (
            ("solve", str(out / "snapshot"), *limits, *judged, *certified, "-o", solution, *again),
            ("verify", solution),
        ),
        console,
    )
    if not full:
        console.print("SMALL SAMPLE: too few days to certify. make demo FULL=1 draws more.")
    return code


def _run_all(commands: Sequence[Sequence[str]], console: Console) -> int:
    """Run commands as a user would, until one fails; return its exit code."""
    for command in commands:
        console.print(f"\n[bold]$ breakwater {shlex.join(command)}[/bold]", soft_wrap=True)
        with tied_process([*_breakwater(), *command], first_signal=signal.SIGINT) as process:
            code = process.wait()
        if code != 0:
            return code if code > 0 else 128 - code
    return 0


def _shown(path: Path) -> str:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _breakwater() -> list[str]:
    """Return the command beside this interpreter, or the module behind it."""
    script = Path(sys.executable).with_name("breakwater")
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "risk.cli.main"]


def _wait_for_interrupt() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


def _leave(number: int, _frame: FrameType | None) -> None:
    # As an exception the signal ends every block that holds a process.
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.demo",
        description="Boot a local Aave v3 market with real contracts, snapshot, review, propose and solve.",
    )
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help="same seed, same market (default %(default)s)"
    )
    parser.add_argument(
        "--accounts", type=int, default=DEFAULT_ACCOUNTS, help="accounts to open (default %(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("out/demo"), help="output folder (default %(default)s)"
    )
    parser.add_argument(
        "--full", action="store_true", help="solve under the full sample of days, not the small one"
    )
    parser.add_argument("--keep-running", action="store_true", help="leave the chain up until interrupted")
    return parser


if __name__ == "__main__":
    sys.exit(main())
