"""``breakwater verify``: bundles computed again, and bundles that were tampered with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from protocols.store import digest, save
from risk.cli.main import main
from risk.proposal.bundle import sha256
from tests.risk.report.made import market

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[3]
ASKED = ("--set", "WETH.liquidation_threshold=70%", "--set", "WETH.ltv=68%")
QUICK = ("--shock", "WETH=-10%", "--one-depth")
DEPTH = "asset,size_tokens,proceeds_usd,time,source\nWETH,100,199000,2026-03-10T11:00:00Z,a test\n"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with its snapshot beside it."""
    folder = tmp_path_factory.mktemp("verify")
    save(market(), folder / "snapshot")
    (folder / "d.csv").write_text(DEPTH)
    with pytest.raises(SystemExit) as stop:
        main(
            [
                "propose",
                str(folder / "snapshot"),
                *ASKED,
                *QUICK,
                "--depth",
                str(folder / "d.csv"),
                "-o",
                str(folder / "out"),
            ]
        )
    assert not stop.value.code
    return folder


@pytest.fixture
def bundle(written: Path, tmp_path: Path) -> Path:
    """A copy of it, without the snapshot."""
    return Path(copytree(written / "out", tmp_path / "out"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line and return exit code, stdout and stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


def test_the_manifest_names_everything(written: Path) -> None:
    manifest = json.loads((written / "out" / "manifest.json").read_text())
    files = {
        p.relative_to(written / "out").as_posix(): p for p in (written / "out").rglob("*") if p.is_file()
    }
    listed = manifest["outputs"] | manifest["inputs"]
    assert set(files) == {*listed, "manifest.json"}
    assert all(sha256(files[name].read_bytes()) == expected for name, expected in listed.items())
    assert manifest["snapshot_sha256"] == digest(written / "snapshot")
    parts = json.loads((written / "snapshot" / "manifest.json").read_text())["parts"]
    assert manifest["snapshot_parts"] == {name: part["sha256"] for name, part in parts.items()}
    assert manifest["inputs"] == {"inputs/depth.csv": sha256(DEPTH.encode())}
    assert str(written) not in (written / "out" / "manifest.json").read_text()


@pytest.mark.verify
def test_another_process_elsewhere_computes_the_same_bytes(written: Path) -> None:
    elsewhere = {
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "tr_TR.UTF-8",
        "PYTHONHASHSEED": "12345",
        "NUMBA_NUM_THREADS": "1",
        "COLUMNS": "40",
        "SOURCE_DATE_EPOCH": "1",
    }
    command = [sys.executable, "-m", "risk.cli.main", "verify", str(written / "out"), "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **elsewhere}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"]["computed"] is True
    assert "every byte is the same" in done.stderr


@pytest.mark.parametrize("name", ["post.md", "proposal.json", "affected.csv", "inputs/depth.csv"])
def test_a_changed_byte_is_found(run: Run, bundle: Path, written: Path, name: str) -> None:
    path = bundle / name
    content = path.read_bytes()
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    code, _, err = run("verify", bundle, "--snapshot", written / "snapshot")
    assert code == 1
    assert f"{name} was changed after the bundle was written" in err


def test_a_figure_changed_together_with_its_hash_is_computed_away(
    run: Run, bundle: Path, written: Path
) -> None:
    path, manifest = bundle / "affected.csv", json.loads((bundle / "manifest.json").read_text())
    path.write_text(path.read_text().replace(",liquidatable,", ",safe,"))
    manifest["outputs"]["affected.csv"] = sha256(path.read_bytes())
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    assert run("verify", bundle, "--hashes-only")[0] == 0
    code, _, err = run("verify", bundle, "--snapshot", written / "snapshot")
    assert code == 1
    assert "affected.csv is not what its inputs lead to: line 2 differs first" in err


def test_another_snapshot_none_at_all_and_a_missing_file(run: Run, bundle: Path, tmp_path: Path) -> None:
    code, out, err = run("verify", bundle)
    assert (code, out) == (2, "")
    assert "--hashes-only" in err
    save(market(emode_label="another"), tmp_path / "other")
    code, _, err = run("verify", bundle, "--snapshot", tmp_path / "other")
    assert code == 1
    assert "another snapshot" in err
    (bundle / "post.md").unlink()
    code, _, err = run("verify", bundle, "--hashes-only")
    assert code == 1
    assert "post.md is missing" in err


def test_links_and_manifests_of_strangers(run: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (bundle / "post.md").unlink()
    (bundle / "post.md").symlink_to(tmp_path / "secret")
    code, _, err = run("verify", bundle, "--hashes-only")
    assert code == 2
    assert "is a link" in err
    for text, named in (
        ("[" * 100_000, "no JSON"),
        ("{}", "no manifest"),
        ('{"schema": "other/1"}', "other/1"),
        (b"\xff".decode("latin-1"), "no JSON"),
    ):
        (bundle / "manifest.json").write_text(text)
        code, _, err = run("verify", bundle)
        assert code == 2
        assert named in err
    assert run("verify", tmp_path / "none")[0] == 2


def test_settings_of_strangers_are_refused(run: Run, bundle: Path, written: Path) -> None:
    good = json.loads((bundle / "manifest.json").read_text())
    for change, named in (
        ({"changes": "WETH.ltv=1%"}, "'changes'"),
        ({"vary_depth": "no"}, "'vary_depth'"),
        ({"configurator": 5}, "'configurator'"),
        ({"more": 1}, "not those of this version"),
    ):
        body = {**good, "settings": {**good["settings"], **change}}
        (bundle / "manifest.json").write_text(json.dumps(body))
        code, _, err = run("verify", bundle, "--snapshot", written / "snapshot")
        assert code == 2, change
        assert named in err


def test_a_review_is_verified_too(run: Run, written: Path, tmp_path: Path) -> None:
    calls = json.loads((written / "out" / "proposal.json").read_text())["data"]["calls"]
    payload = tmp_path / "calls"
    payload.write_text("\n".join(c["calldata"] for c in calls))
    code, _, err = run("review-payload", payload, written / "snapshot", *QUICK, "-o", tmp_path / "review")
    assert code == 0, err
    payload.unlink()  # the bundle has its copy
    code, out, err = run("verify", tmp_path / "review", "--snapshot", written / "snapshot")
    assert code == 0, err
    assert "every byte is the same" in out
    assert (tmp_path / "review" / "inputs" / "payload.txt").exists()
