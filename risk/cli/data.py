"""``breakwater data``: the group of commands about prices of exchanges.

Each command is a file of its own with a ``register``; list it in `_COMMANDS`.
"""

from __future__ import annotations

import typer

from risk.cli import data_fair, data_fetch, data_fit, data_stress

_COMMANDS = (data_fetch, data_fair, data_fit, data_stress)

_HELP = "Prices of exchanges: fetch them, check them, fit what generates scenarios."


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(
        name="data",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command in _COMMANDS:
        command.register(group)
    app.add_typer(group)
