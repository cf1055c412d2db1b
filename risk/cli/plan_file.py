"""Reads and writes ``plan.json``: what a solver wants changed.

::

    {"schema": "breakwater.plan/1", "snapshot_sha256": "...", "changes": ["WETH.ltv=7900bps", ...]}

Changes are written as ``--set`` takes them.  Further entries (certificate, schedule) are the solver's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abis.errors import InputError, MalformedFile

if TYPE_CHECKING:
    from risk.proposal.changes import Change

NAME = "plan.json"
SCHEMA = "breakwater.plan/1"
LARGEST_BYTES = 10_000_000


def planned(path: Path, snapshot_sha256: str) -> tuple[str, ...]:
    """Return the changes of a plan.

    Parameters
    ----------
    path : Path
    snapshot_sha256 : str
        Of the market they are to be made to.

    Raises
    ------
    MalformedFile
        If the file cannot be read or is no plan.
    InputError
        If it was solved for another snapshot.
    """
    from abis.strict_json import loads

    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise MalformedFile(f"'{path}' is too large.", remedy=f"Give at most {LARGEST_BYTES:,} bytes.")
        body = loads(path.read_bytes())
    except OSError as error:
        raise MalformedFile(
            f"cannot read '{path}': {error.strerror or error}.", remedy="Name a folder that holds plan.json."
        ) from error
    except ValueError as error:
        raise MalformedFile(f"'{path}' is no JSON.", remedy="Write the plan again.") from error
    changes = body.get("changes") if isinstance(body, dict) else None
    if not isinstance(changes, list) or not changes or not all(isinstance(c, str) for c in changes):
        raise MalformedFile(f"'{path}' lists no changes.", remedy='Write "changes": ["WETH.ltv=80%"].')
    if body.get("schema") != SCHEMA:
        raise MalformedFile(
            f"'{path}' has schema {str(body.get('schema'))[:40]!r}.", remedy=f"Write {SCHEMA!r}."
        )
    solved_for = body.get("snapshot_sha256")
    if solved_for != snapshot_sha256:
        raise InputError(
            f"'{path}' was solved for another snapshot ({str(solved_for)[:64]}).",
            remedy="Solve again with this one, or give the snapshot it was solved for.",
        )
    return tuple(changes)


def plan_text(snapshot_sha256: str, changes: Sequence[Change]) -> str:
    """Return the plan that makes some changes to a snapshot."""
    from risk.solver.solution_json import as_set

    plan = {"schema": SCHEMA, "snapshot_sha256": snapshot_sha256, "changes": as_set(changes)}
    return json.dumps(plan, indent=2) + "\n"
