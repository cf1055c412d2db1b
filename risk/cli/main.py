"""``breakwater``: registers the commands and turns errors into exit codes.

Exit codes: 0 fine, 1 a check was refused or a limit is broken, 2 bad input, 3 chain
unreachable, 130 interrupted.  Commands import what they need inside their functions, so
that ``breakwater --help`` stays quick.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from abis.errors import BreakwaterError
from risk.cli import (
    accounts,
    data,
    diff,
    history,
    import_,
    limits,
    markets,
    oracle,
    propose,
    review,
    review_payload,
    scenario,
    snapshot,
    solve,
    stress,
    verify,
)

INTERRUPTED = 130

app = typer.Typer(
    name="breakwater",
    help="DeFi oracle and lending-protocol risk analyzer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
snapshot.register(app)
markets.register(app)
diff.register(app)
history.register(app)
import_.register(app)
accounts.register(app)
review.register(app)
oracle.register(app)
stress.register(app)
limits.register(app)
solve.register(app)
data.register(app)
scenario.register(app)
propose.register(app)
review_payload.register(app)
verify.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"breakwater {version('breakwater')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """DeFi oracle and lending-protocol risk analyzer.

    Typical use: take a snapshot of a market, then review it.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    try:
        app(args=arguments, prog_name="breakwater")
    except BreakwaterError as error:
        typer.echo(f"breakwater: error: {error}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # the framework turned Ctrl-C into this
            typer.echo("breakwater: interrupted; nothing half-written was left", err=True)
        raise


if __name__ == "__main__":
    main()
