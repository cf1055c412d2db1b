"""``breakwater propose`` on a saved snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from protocols.store import digest, save
from risk.cli.main import main
from tests.risk.report.made import market

Run = Callable[..., tuple[int, str, str]]
LOWER = ("--set", "WETH.liquidation_threshold=70%", "--set", "WETH.ltv=68%", "--shock", "WETH=-10%")
ADMIN = "0x64b761D848206f447Fe2dd461b0c635Ec39EbB27"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line and return exit code, stdout and stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


@pytest.fixture(scope="module")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("propose") / "snap"
    save(market(), path)
    return path


def test_page_and_json_agree(run: Run, snap: Path) -> None:
    code, page, _ = run("propose", snap, *LOWER)
    assert code == 0
    assert "| 83.00 % | 70.00 % |" in page
    code, text, _ = run("propose", snap, *LOWER, "--json")
    body = json.loads(text)
    assert code == 0
    assert body["inputs"]["snapshot_sha256"] == digest(snap)
    assert [row["scenario"] for row in body["data"]["scenarios"]] == ["now", "WETH -10%"]
    enacted = body["data"]["enacted"]
    assert f"makes {len(enacted)} account" in page
    assert all(int(row["health_after_wad"]) < 10**18 <= int(row["health_before_wad"]) for row in enacted)
    assert body["data"]["calls"][0]["calldata"].startswith("0x7c4e560b")


def test_files_are_written_once_and_the_same_twice(run: Run, snap: Path, tmp_path: Path) -> None:
    names = {"proposal.json", "proposal.md", "safe.json"}
    for folder in ("one", "two"):
        code, _, err = run("propose", snap, *LOWER, "--configurator", ADMIN, "-o", tmp_path / folder)
        assert code == 0
        assert "wrote proposal.json" in err
    assert {p.name for p in (tmp_path / "one").iterdir()} == names
    assert all((tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in names)
    code, _, err = run("propose", snap, *LOWER, "-o", tmp_path / "one")
    assert code == 2
    assert "--force" in err


def test_what_the_configurator_refuses_is_shown_and_ends_in_1(run: Run, snap: Path) -> None:
    code, page, err = run("propose", snap, "--set", "WETH.ltv=90%", "--shock", "WETH=-10%")
    assert code == 1
    assert "FAIL" in page
    assert "LTV at most the threshold" in err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "nothing is proposed"),
        (("--set", "WETH.ltv"), "is no change"),
        (("--set", "ETHH.ltv=1%"), "ETHH"),
    ],
)
def test_bad_input(run: Run, snap: Path, arguments: tuple[str, ...], named: str) -> None:
    code, out, err = run("propose", snap, *arguments)
    assert (code, out) == (2, "")
    assert named in err


def test_a_payload_is_reviewed_as_the_proposal_it_came_from(run: Run, snap: Path, tmp_path: Path) -> None:
    run("propose", snap, *LOWER, "--configurator", ADMIN, "-o", tmp_path / "out")
    _, proposed, _ = run("propose", snap, *LOWER)
    code, reviewed, _ = run("review-payload", tmp_path / "out" / "safe.json", snap, "--shock", "WETH=-10%")
    assert code == 0
    assert sorted(reviewed.splitlines()) == sorted(proposed.splitlines())
    code, text, _ = run("review-payload", tmp_path / "out" / "safe.json", snap, "--json")
    assert len(json.loads(text)["inputs"]["payload_sha256"]) == 64


def test_a_payload_that_is_none_is_bad_input(run: Run, snap: Path) -> None:
    code, out, err = run("review-payload", "0x1234", snap)
    assert (code, out) == (2, "")
    assert "0x1234" in err
