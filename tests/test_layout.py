"""The import arrows of docs/architecture.md, executed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"abis", "oracles", "protocols", "risk"}
ALLOWED = {
    "abis": {"abis"},
    "oracles": {"abis", "oracles"},
    "protocols": {"abis", "protocols"},
    "risk": {"oracles", "protocols", "risk"},
}
PLAIN = {"abis.errors", "abis.units", "abis.findings"}  # the three files everyone may use
HEAVY = {"web3", "numba", "scipy", "plotly", "matplotlib", "pyarrow"}


def _imports(path: Path, *, module_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if module_level else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: cross-package imports are absolute"
            base = node.module or ""
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def _sources(room: str) -> list[Path]:
    found = sorted((ROOT / room).rglob("*.py"))
    assert found, f"no source in {room}"
    return found


def _belongs(name: str, modules: set[str]) -> bool:
    return any(name == m or name.startswith(m + ".") for m in modules)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_rooms_import_only_along_the_arrows(room: str) -> None:
    for path in _sources(room):
        if path.is_relative_to(ROOT / "risk" / "cli"):
            continue
        for name in _imports(path):
            top = name.split(".")[0]
            if top in ROOMS - ALLOWED[room] and not (room == "risk" and name == "abis"):
                assert _belongs(name, PLAIN), f"{path.relative_to(ROOT)} imports {name}"


def test_only_the_chain_reader_imports_web3() -> None:
    users = {
        p.relative_to(ROOT).as_posix()
        for room in ROOMS
        for p in _sources(room)
        if any(n.split(".")[0] == "web3" for n in _imports(p))
    }
    assert users == {"abis/chain.py"}


def test_no_init_imports_something_heavy() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("__init__.py"):
            heavy = {n for n in _imports(path, module_level=True) if n.split(".")[0] in HEAVY}
            assert not heavy, f"{path.relative_to(ROOT)} imports {heavy}"


def test_protocol_rooms_do_not_reach_into_risk_through_the_exact_rules() -> None:
    for path in _sources("risk"):
        if path.is_relative_to(ROOT / "risk" / "cli"):
            continue
        named = {n for n in _imports(path) if n.startswith("protocols.aave")}
        assert not named, f"{path.relative_to(ROOT)} asks which protocol it is looking at: {named}"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from risk.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        f"{HEAVY | {'pandas', 'numpy'}!r}), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stderr.strip().splitlines()[-1] == "[]"
    assert "snapshot" in run.stdout
