"""Read compiled contracts out of the installed npm packages."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from .compile import compiled_v36
from .contracts import Artifact
from .errors import LocalChainMissing
from .paths import INSTALL_COMMAND, PACKAGES, anvil_binary, package_file

_AAVE_V2 = "@aave/protocol-v2/artifacts/contracts"
_AAVE_V30 = "@aave/deploy-v3/artifacts"
_CHAINLINK = "@chainlink/contracts/abi/v0.6"
_MULTICALL3 = "viem/_cjs/constants/contracts.js"


@functools.cache
def _hardhat_index(folder: str) -> dict[str, str]:
    """Return contract name -> path below ``node_modules`` of a hardhat artifacts folder."""
    root = package_file(folder)
    files = sorted(path for path in root.rglob("*.json") if not path.name.endswith(".dbg.json"))
    return {path.stem: str(path.relative_to(PACKAGES)) for path in files if path.parent.suffix == ".sol"}


@functools.cache
def aave_v2(name: str) -> Artifact:
    """Return a contract of the Aave v2 market, as published in @aave/protocol-v2."""
    return _hardhat(_AAVE_V2, name)


@functools.cache
def aave_v30(name: str) -> Artifact:
    """Return a contract of the Aave v3.0 market, as published in @aave/deploy-v3."""
    return _hardhat(_AAVE_V30, name)


@functools.cache
def aave_v36(name: str) -> Artifact:
    """Return a contract of the Aave v3.6 market, compiled from @aave-dao/aave-v3-origin."""
    raw = _compiled_v36()[name]
    return _artifact(name, raw["abi"], raw["bytecode"], raw["links"])


@functools.cache
def _compiled_v36() -> dict[str, Any]:
    contracts: dict[str, Any] = json.loads(compiled_v36().read_text())
    return contracts


def _hardhat(folder: str, name: str) -> Artifact:
    index = _hardhat_index(folder)
    if name not in index:
        package = "/".join(folder.split("/")[:2])
        raise LocalChainMissing(
            f"{package} has no contract {name}.", remedy=f"Reinstall with `{INSTALL_COMMAND}`."
        )
    raw = json.loads(package_file(index[name]).read_text())
    return _artifact(name, raw["abi"], raw["bytecode"], raw["linkReferences"])


def _artifact(name: str, abi: list[Any], bytecode: str, references: dict[str, Any]) -> Artifact:
    links = {
        library: tuple(place["start"] for place in places)
        for libraries in references.values()
        for library, places in libraries.items()
    }
    return Artifact(name, abi, _without_placeholders(bytecode), links)


@functools.cache
def chainlink(name: str) -> Artifact:
    """Return a Chainlink contract of @chainlink/contracts (v0.6 feeds)."""
    raw: Any = json.loads(package_file(f"{_CHAINLINK}/{name}.json").read_text())["compilerOutput"]
    return Artifact(name, raw["abi"], raw["evm"]["bytecode"]["object"], {})


@functools.cache
def multicall3_creation_code() -> str:
    """Return creation bytecode of Multicall3 (MIT), carried by the npm package viem."""
    text = package_file(_MULTICALL3).read_text()
    found = re.search(r"multicall3Bytecode = '(0x[0-9a-f]+)'", text)
    if found is None:
        raise LocalChainMissing(
            "The npm package viem has no Multicall3 bytecode.", remedy=f"Reinstall with `{INSTALL_COMMAND}`."
        )
    return found[1]


def _without_placeholders(bytecode: str) -> str:
    """Return the bytecode with zeros for the ``__$...$__`` of unlinked libraries."""
    return re.sub(r"__\$[0-9a-f]{34}\$__", "0" * 40, bytecode)


def installed_or_reason() -> str:
    """Return why the local chain cannot run here, or an empty string if it can."""
    try:
        anvil_binary()
        for package in (_AAVE_V2, _AAVE_V30, _CHAINLINK, _MULTICALL3):
            package_file(package)
    except LocalChainMissing as missing:
        return str(missing)
    return ""


def compiled_or_reason() -> str:
    """Return why the Aave v3.6 market cannot be deployed here, or an empty string if it can."""
    try:
        compiled_v36()
    except LocalChainMissing as missing:
        return str(missing)
    return installed_or_reason()
