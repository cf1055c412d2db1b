"""Compiling from source: what is compiled, when, and what is said if it cannot be."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.localchain import compile as module
from examples.localchain.compile import compile_v36, compiled_v36
from examples.localchain.errors import LocalChainMissing

# Runs as `node solc.js INPUT OUTPUT`.
FAKE_NODE = """#!{python}
import json, sys
request = json.load(open(sys.argv[2]))
json.dump({answer}, open(sys.argv[3], "w"))
sys.exit({code})
"""
COMPILED = (
    '{"contracts": {"a.sol": {"A": {"abi": [], "evm": {"bytecode": {"object": "00", "linkReferences":'
    ' {"sources": sorted(request["sources"])}}}}}}}'
)


@pytest.fixture
def fake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local_chain_installed: None
) -> Callable[[str, int], None]:
    """Empty the cache and let a fake compiler answer."""
    monkeypatch.setattr(module, "CACHE", tmp_path / "cache")
    tools = tmp_path / "bin"
    tools.mkdir()

    def install(answer: str, code: int = 0) -> None:
        node = tools / "node"
        node.write_text(FAKE_NODE.format(python=sys.executable, answer=answer, code=code))
        node.chmod(0o755)
        monkeypatch.setenv("PATH", str(tools))

    return install


@pytest.mark.chain
def test_it_is_compiled_once_with_everything_it_imports(fake: Callable[..., None]) -> None:
    fake(COMPILED)
    with pytest.raises(LocalChainMissing, match=r"not compiled yet.*examples\.localchain\.install"):
        compiled_v36()
    said: list[str] = []
    assert compile_v36(said.append)
    assert not compile_v36(said.append)
    assert len(said) == 1
    sources = json.loads(compiled_v36().read_text())["A"]["links"]["sources"]
    assert f"compiling Aave v3.6 from {len(sources)} sources" in said[0]
    # One name a file: relative, remapped and package paths all end at the package's own.
    assert "@openzeppelin/contracts/utils/math/SafeCast.sol" in sources
    assert "@aave-dao/aave-v3-origin/src/contracts/protocol/libraries/math/MathUtils.sol" in sources
    assert all(name.startswith("@") and "/../" not in name for name in sources)


@pytest.mark.chain
def test_another_lock_file_is_compiled_again(
    fake: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(COMPILED)
    compile_v36(lambda _: None)
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(module, "HERE", tmp_path)
    with pytest.raises(LocalChainMissing, match="not compiled yet"):
        compiled_v36()


@pytest.mark.chain
def test_a_refused_source_is_shown_and_nothing_is_kept(fake: Callable[..., None]) -> None:
    fake('{"errors": [{"severity": "error", "formattedMessage": "ParserError: here"}]}')
    with pytest.raises(LocalChainMissing, match="refuses a source: ParserError: here"):
        compile_v36(lambda _: None)
    with pytest.raises(LocalChainMissing, match="not compiled yet"):
        compiled_v36()


@pytest.mark.chain
def test_a_compiler_that_dies_is_reported(fake: Callable[..., None]) -> None:
    fake("{}", 134)
    with pytest.raises(LocalChainMissing, match="ended with exit code 134"):
        compile_v36(lambda _: None)


@pytest.mark.chain
def test_without_node_the_remedy_is_named(fake: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LocalChainMissing, match=r"Install Node\.js"):
        compile_v36(lambda _: None)
