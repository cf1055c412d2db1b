"""Compile Aave v3.6, of which only the source is published, and keep the result in ``.cache/``.

The compiler is the npm package solc (WebAssembly), run in a child process.  The settings
are those of aave-v3-origin's own ``foundry.toml``.  The source's licence (BUSL-1.1) allows
use that is not production, such as tests; neither source nor bytecode is passed on.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import LocalChainMissing
from .paths import CACHE, HERE, INSTALL_COMMAND, package_file
from .tied import tied_process

_SOURCES = "@aave-dao/aave-v3-origin/src/contracts"
# The packages have no `contracts/` folder: one name a file, so that no source is seen twice.
_REMAPPINGS = {
    "openzeppelin-contracts/contracts/": "@openzeppelin/contracts/",
    "openzeppelin-contracts-upgradeable/contracts/": "@openzeppelin/contracts-upgradeable/",
    "solidity-utils/": "@bgd-labs/solidity-utils/src/",
}
_CONTRACTS = (
    "helpers/AaveProtocolDataProvider",
    "helpers/UiPoolDataProviderV3",
    "instances/ATokenInstance",
    "instances/PoolConfiguratorInstance",
    "instances/PoolInstance",
    "instances/VariableDebtTokenInstance",
    "misc/AaveOracle",
    "misc/DefaultReserveInterestRateStrategyV2",
    "protocol/configuration/ACLManager",
    "protocol/configuration/PoolAddressesProvider",
    "protocol/libraries/logic/BorrowLogic",
    "protocol/libraries/logic/ConfiguratorLogic",
    "protocol/libraries/logic/FlashLoanLogic",
    "protocol/libraries/logic/LiquidationLogic",
    "protocol/libraries/logic/PoolLogic",
    "protocol/libraries/logic/SupplyLogic",
)
_WANTED = ("abi", "evm.bytecode.object", "evm.bytecode.linkReferences")
_SETTINGS: Mapping[str, Any] = {
    "remappings": [f"{short}={package}" for short, package in _REMAPPINGS.items()],
    "evmVersion": "shanghai",
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none"},
    "outputSelection": {
        f"{_SOURCES}/{contract}.sol": {posixpath.basename(contract): list(_WANTED)} for contract in _CONTRACTS
    },
}
_IMPORT = re.compile(r"""^\s*import\s[^;"']*["']([^"']+)["']""", re.MULTILINE)


def compiled_v36() -> Path:
    """Return the file of compiled contracts: name -> ``abi``, ``bytecode``, ``links``.

    Raises
    ------
    LocalChainMissing
        If they have not been compiled yet.
    """
    path = _cached()
    if not path.is_file():
        raise LocalChainMissing(
            "The Aave v3.6 contracts are not compiled yet.", remedy=f"Run `{INSTALL_COMMAND}`."
        )
    return path


def compile_v36(say: Callable[[str], None]) -> bool:
    """Compile the contracts unless the cache holds them for this lock file and these settings.

    Parameters
    ----------
    say : callable
        Told what is done; compiling takes about half a minute and 300 MB.

    Returns
    -------
    bool
        Whether anything was compiled.

    Raises
    ------
    LocalChainMissing
        If node or a package is absent, or the compiler refuses a source.
    """
    path = _cached()
    if path.is_file():
        return False
    sources = _with_imports([f"{_SOURCES}/{contract}.sol" for contract in _CONTRACTS])
    say(f"compiling Aave v3.6 from {len(sources)} sources, once (about half a minute)")
    output = run_compiler({"language": "Solidity", "sources": sources, "settings": _SETTINGS})
    path.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when complete: an interrupted run leaves no half file behind.
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(artifacts_of(output)))
    unfinished.replace(path)
    return True


def sources_of(contracts: Sequence[str]) -> dict[str, Any]:
    """Return the compiler's input for other contracts of Aave's source, with the same settings.

    Parameters
    ----------
    contracts : sequence of str
        Paths below ``src/contracts``, without ``.sol``.

    Raises
    ------
    LocalChainMissing
        If a package is absent.
    """
    names = [f"{_SOURCES}/{contract}.sol" for contract in contracts]
    wanted = {name: {posixpath.basename(name).removesuffix(".sol"): list(_WANTED)} for name in names}
    settings = {**_SETTINGS, "outputSelection": wanted}
    return {"language": "Solidity", "sources": _with_imports(names), "settings": settings}


def _cached() -> Path:
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes())
    digest.update(json.dumps(_SETTINGS, sort_keys=True).encode())
    return CACHE / "contracts" / f"aave-v3.6-{digest.hexdigest()[:16]}.json"


def _with_imports(names: list[str]) -> dict[str, dict[str, str]]:
    """Return the named sources and everything they import, by path below ``node_modules``."""
    sources: dict[str, dict[str, str]] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in sources:
            text = package_file(name).read_text(encoding="utf-8")
            sources[name] = {"content": text}
            waiting += [_resolved(target, name) for target in _IMPORT.findall(text)]
    return dict(sorted(sources.items()))


def _resolved(target: str, importer: str) -> str:
    if target.startswith("."):
        return posixpath.normpath(posixpath.join(posixpath.dirname(importer), target))
    for short, package in _REMAPPINGS.items():
        if target.startswith(short):
            return package + target.removeprefix(short)
    return target


def run_compiler(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the compiler's standard-JSON output.

    Raises
    ------
    LocalChainMissing
        If node or the package is absent, or the compiler refuses a source.
    """
    node = shutil.which("node")
    if node is None:
        raise LocalChainMissing("node is not installed.", remedy="Install Node.js 20 or newer.")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "input.json"), Path(folder, "output.json")
        source.write_text(json.dumps(request))
        command = [node, str(HERE / "solc.js"), str(source), str(target)]
        with tied_process(command, stdout=sys.stderr.fileno()) as process:
            code = process.wait()
        if code != 0 or not target.is_file():
            raise LocalChainMissing(
                f"The Solidity compiler ended with exit code {code}.",
                remedy="Read its messages above; it needs about 300 MB of memory.",
            )
        output: dict[str, Any] = json.loads(target.read_text())
    errors = [each for each in output.get("errors", ()) if each["severity"] == "error"]
    if errors:
        raise LocalChainMissing(
            f"The Solidity compiler refuses a source: {errors[0]['formattedMessage'][:500]}",
            remedy=f"Remove `node_modules` and run `{INSTALL_COMMAND}` again.",
        )
    return output


def artifacts_of(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return name -> ``abi``, ``bytecode``, ``links`` of every contract in a compiler's output."""
    return {
        name: {
            "abi": contract["abi"],
            "bytecode": contract["evm"]["bytecode"]["object"],
            "links": contract["evm"]["bytecode"]["linkReferences"],
        }
        for contracts in output["contracts"].values()
        for name, contract in sorted(contracts.items())
    }
