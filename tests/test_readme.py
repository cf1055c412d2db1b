"""The README's code blocks run, its targets and links exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


def test_the_code_blocks_run_one_after_the_other(workdir: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONWARNINGS": "error"}
    for block in _blocks("bash"):
        run = subprocess.run(["bash", "-euc", block], cwd=workdir, env=env, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
    assert (workdir / "out" / "report.html").stat().st_size > 0
    (python,) = _blocks("python")
    run = subprocess.run([sys.executable, "-c", python], cwd=workdir, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "INFINITE DEPTH ASSUMED" in run.stdout


def test_the_console_blocks_name_real_targets_and_commands() -> None:
    lines = [line.split("#")[0].split() for block in _blocks("console") for line in block.splitlines()]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    from risk.cli.main import app

    commands = {c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands}
    commands |= {group.name for group in app.registered_groups}
    seen = set()
    for words in filter(None, lines):
        seen.add(words[0])
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), f"no target {words[1]}"
        elif words[0] == "breakwater":
            assert words[1] in commands, f"no command {words[1]}"
    assert {"make", "breakwater"} <= seen


@pytest.mark.parametrize("page", DOCS, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
