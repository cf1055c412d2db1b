"""Compile the test contracts of ``solidity/`` and keep the result in ``.cache/``.

No package publishes Aave's price adapters as bytecode, so these are contracts of our own,
written to their public behaviour.  They are compiled when first asked for.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .compile import artifacts_of, run_compiler
from .contracts import Artifact
from .paths import CACHE, HERE

_SOLIDITY = HERE / "solidity"
_SETTINGS: dict[str, Any] = {
    "evmVersion": "shanghai",
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none"},
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences"]}},
}


@functools.cache
def adapter_artifact(name: str) -> Artifact:
    """Return a test contract, compiled now if the cache does not hold it.

    Raises
    ------
    LocalChainMissing
        If node or the compiler's package is absent.
    """
    raw = _compiled()[name]
    return Artifact(name, raw["abi"], raw["bytecode"], {})


@functools.cache
def _compiled() -> dict[str, Any]:
    sources = {path.name: {"content": path.read_text("utf-8")} for path in sorted(_SOLIDITY.glob("*.sol"))}
    request = {"language": "Solidity", "sources": sources, "settings": _SETTINGS}
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode())
    digest.update((HERE / "package-lock.json").read_bytes())
    path = CACHE / "contracts" / f"adapters-{digest.hexdigest()[:16]}.json"
    if not path.is_file():
        _write(path, artifacts_of(run_compiler(request)))
    contracts: dict[str, Any] = json.loads(path.read_text())
    return contracts


def _write(path: Path, contracts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when complete: an interrupted run leaves no half file behind.
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(contracts))
    unfinished.replace(path)
