"""The npm packages: what the lock pins, and when they are installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from examples.localchain.errors import LocalChainMissing
from examples.localchain.install import install
from examples.localchain.paths import HERE

FAKE_NPM = """#!/bin/sh
echo "$@" >> calls
test -f broken && exit 7
mkdir -p node_modules
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package files with an npm that only notes its calls."""
    project = tmp_path / "project"
    (project / "unused").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "unused/package.json"):
        shutil.copyfile(HERE / name, project / name)
    tools = tmp_path / "bin"
    tools.mkdir()
    npm = tools / "npm"
    npm.write_text(FAKE_NPM)
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return project


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_packages_are_installed_once_and_again_when_the_lock_changes(folder: Path) -> None:
    assert install(folder)
    assert not install(folder)
    assert calls(folder) == ["ci --ignore-scripts --no-audit --no-fund --legacy-peer-deps --include=optional"]
    (folder / "package-lock.json").write_text("{}")
    assert install(folder)
    shutil.rmtree(folder / "node_modules")
    assert install(folder)
    assert len(calls(folder)) == 3


def test_a_failed_install_is_not_remembered(folder: Path) -> None:
    (folder / "broken").touch()
    with pytest.raises(LocalChainMissing, match="npm ended with exit code 7"):
        install(folder)
    (folder / "broken").unlink()
    assert install(folder)


def test_without_npm_the_remedy_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(LocalChainMissing, match=r"Install Node\.js"):
        install(folder)


def test_the_lock_pins_versions_and_hashes_and_no_download_address() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name.startswith("node_modules/")}
    fetched = {name: entry for name, entry in packages.items() if "version" in entry}
    assert "node_modules/@foundry-rs/anvil-linux-amd64" in fetched
    assert all(entry["integrity"].startswith("sha512-") for entry in fetched.values())
    # What is not fetched is a link to the empty stand-in.
    assert all(entry.get("resolved", "unused").endswith("unused") for entry in packages.values())
    assert "://" not in json.dumps([entry.get("resolved") for entry in lock["packages"].values()])


def test_dependencies_are_exact_versions() -> None:
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert all(version[0].isdigit() for version in wanted.values())
