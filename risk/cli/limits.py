"""``breakwater limits init``: a commented `limits.toml` to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_HELP = """Write a commented limits.toml in which nothing is limited yet.

Without a name it goes to stdout.

Examples:

  breakwater limits init limits.toml

  breakwater limits init > limits.toml
"""


def register(app: typer.Typer) -> None:
    """Add the command group to ``app``."""
    group = typer.Typer(help="What a team tolerates, for `breakwater solve`.", no_args_is_help=True)
    group.command("init", help=_HELP)(init)
    app.add_typer(group, name="limits")


def init(
    path: Annotated[Path | None, typer.Argument(help="File to write.", show_default=False)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write the template."""
    from abis.errors import OutputExists
    from risk.cli.outputs import write_bytes
    from risk.solver.limits import template

    if path is None:
        typer.echo(template(), nl=False)
        return
    if path.exists() and not force:
        raise OutputExists(f"'{path}' exists.", remedy="Choose another name or give --force.")
    write_bytes(path, template().encode("utf-8"))
    typer.echo(f"wrote {path}", err=True)
