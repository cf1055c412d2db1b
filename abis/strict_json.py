"""JSON from strangers: nesting is bounded before it is parsed.

Python's parser recurses once a level and relies on the interpreter's recursion limit, which
a dependency of web3 raises far beyond what the C stack holds; a few hundred thousand ``[``
from an endpoint or in a file would then end the process.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 100  # JSON-RPC answers and manifests nest fewer than ten levels

_OPENERS, _CLOSERS = b"[{", b"]}"
_NOT_BRACKETS = bytes(set(range(256)) - set(_OPENERS + _CLOSERS))
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def loads(content: bytes) -> Any:
    """Return the value in ``content``.

    Raises
    ------
    ValueError
        If it is no JSON, or nests deeper than `MAX_DEPTH` levels.
    """
    refuse_deep(content)
    return json.loads(content)


def refuse_deep(content: bytes) -> None:
    """Refuse what nests deeper than `MAX_DEPTH` levels, with ``json.JSONDecodeError``."""
    # Brackets inside strings can only make the first look too strict; the second is exact.
    if _depth(content) > MAX_DEPTH and _depth(_STRING.sub(b"", content)) > MAX_DEPTH:
        raise json.JSONDecodeError(f"it nests deeper than {MAX_DEPTH} levels", "", 0)


def _depth(content: bytes) -> int:
    depth = deepest = 0
    for bracket in content.translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in _OPENERS else -1
        deepest = max(deepest, depth)
    return deepest
