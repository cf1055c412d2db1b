"""Which block a command line means."""

from __future__ import annotations

_TAGS = ("latest", "safe", "finalized")


def block_choice(text: str) -> str:
    """Return a block number as text, a tag, or an empty string where nothing was said.

    Raises
    ------
    InputError
        If it is none of them.
    """
    from abis.errors import InputError

    choice = text.strip().lower()
    if choice in ("", *_TAGS) or (choice.isascii() and choice.isdecimal()):
        return choice
    raise InputError(f"'{text}' is no block.", remedy="Give a block number, latest, safe or finalized.")


def default_block(chain_id: int) -> str:
    """Return the block read where none was named: a local chain has no finality worth waiting for."""
    from risk.cli.connection import LOCAL_CHAIN_ID

    return "latest" if chain_id == LOCAL_CHAIN_ID else "finalized"
