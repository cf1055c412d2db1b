"""``breakwater oracle``: the group of commands about price feeds.

Each command is a file of its own with a ``register``; list it in `_COMMANDS`.
"""

from __future__ import annotations

import typer

from risk.cli import oracle_audit, oracle_check_update, oracle_fit, oracle_replay, oracle_trace

_COMMANDS = (oracle_audit, oracle_check_update, oracle_fit, oracle_replay, oracle_trace)

_HELP = "Price feeds: what their settings are, and how well they are predicted."


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(
        name="oracle",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command in _COMMANDS:
        command.register(group)
    app.add_typer(group)
