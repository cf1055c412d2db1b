"""``breakwater propose`` on a saved snapshot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocols.store import digest
from tests.risk.cli.conftest import Run
from tests.risk.report.made import market

LOWER = ("--set", "WETH.liquidation_threshold=70%", "--set", "WETH.ltv=68%", "--shock", "WETH=-10%")
ADMIN = "0x64b761D848206f447Fe2dd461b0c635Ec39EbB27"


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
    names = {"proposal.json", "post.md", "report.html", "pictures", "safe.json"}
    names |= {"affected.csv", "statuses.csv", "manifest.json"}
    names |= {"config_diff.md", "config_diff.json", "payload.json"}
    for folder in ("one", "two"):
        code, _, err = run("propose", snap, *LOWER, "--configurator", ADMIN, "-o", tmp_path / folder)
        assert code == 0
        assert "wrote proposal.json" in err
    assert {p.name for p in (tmp_path / "one").iterdir()} == names
    written = [p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file()]
    assert len(written) > len(names)
    assert all((tmp_path / "one" / p).read_bytes() == (tmp_path / "two" / p).read_bytes() for p in written)
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
    in_order = (*LOWER[2:4], *LOWER[:2], *LOWER[4:])  # a call sets LTV, then threshold
    _, proposed, _ = run("propose", snap, *in_order)
    code, reviewed, _ = run("review-payload", tmp_path / "out" / "safe.json", snap, "--shock", "WETH=-10%")
    assert code == 0
    mine = proposed.splitlines()
    theirs = [line for line in reviewed.splitlines() if not line.startswith("- Payload, sha256: ")]
    assert len(reviewed.splitlines()) == len(mine) + 1
    assert [a for a, b in zip(mine, theirs, strict=True) if a != b] == [mine[1]]  # the title
    code, text, _ = run("review-payload", tmp_path / "out" / "safe.json", snap, "--json")
    assert len(json.loads(text)["inputs"]["payload_sha256"]) == 64


def test_a_payload_that_is_none_is_bad_input(run: Run, snap: Path) -> None:
    code, out, err = run("review-payload", "0x1234", snap)
    assert (code, out) == (2, "")
    assert "0x1234" in err


def test_a_plan_of_a_solver_is_proposed(run: Run, snap: Path, tmp_path: Path) -> None:
    plan = {"schema": "breakwater.plan/1", "snapshot_sha256": digest(snap), "changes": ["WETH.ltv=68%"]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "limits.toml").write_text("# none\n")
    more = ("--set", "WETH.supply_cap=50000", "--shock", "WETH=-10%", "--one-depth")
    code, _, _ = run("propose", snap, "--from", tmp_path, *more, "-o", tmp_path / "out")
    assert code == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    weth = market().reserves[0].asset
    assert manifest["settings"]["changes"] == [f"{weth}.ltv=6800bps", f"{weth}.supply_cap=50000"]
    assert set(manifest["inputs"]) == {"inputs/plan.json", "inputs/limits.toml"}
    for change, named in (
        ({"snapshot_sha256": "0" * 64}, "another snapshot"),
        ({"schema": "x"}, "schema 'x'"),
        ({"changes": []}, "lists no changes"),
        ({"changes": [5]}, "lists no changes"),
    ):
        (tmp_path / "plan.json").write_text(json.dumps({**plan, **change}))
        code, out, err = run("propose", snap, "--from", tmp_path)
        assert (code, out) == (2, "")
        assert named in err
    (tmp_path / "plan.json").write_text("{")
    assert "no JSON" in run("propose", snap, "--from", tmp_path)[2]
    assert "cannot read" in run("propose", snap, "--from", tmp_path / "none")[2]


def test_an_old_snapshot_is_warned_of_on_stderr_alone(run: Run, snap: Path) -> None:
    quick = ("--set", "WETH.ltv=79%", "--shock", "WETH=-10%", "--one-depth", "--json")
    code, old, err = run("propose", snap, *quick)
    assert code == 0
    assert "days old (limit 1)" in err
    code, calm, err = run("propose", snap, *quick, "--max-age", "1e6")
    assert code == 0
    assert "days old" not in err
    assert calm == old


def test_the_author_is_heard_and_files_that_are_none_are_refused(
    run: Run, snap: Path, tmp_path: Path
) -> None:
    (tmp_path / "why.txt").write_text("Volatility rose.\n\nSo did <b>debt</b>.")
    (tmp_path / "bad.txt").write_bytes(b"\xff")
    quick = ("--set", "WETH.ltv=79%", "--shock", "WETH=-10%", "--one-depth")
    said = ("--title", "Lower WETH", "--author", "a team", "--motivation", tmp_path / "why.txt")
    code, page, _ = run("propose", snap, *quick, *said)
    assert code == 0
    assert 'title: "Lower WETH"' in page
    assert "Volatility rose" in page
    assert "<b>" not in page.replace("\\<b", "")
    for option in ("--motivation", "--depth", "--feeds", "--scenarios"):
        code, out, err = run("propose", snap, *quick, option, tmp_path / "none")
        assert (code, out) == (2, ""), option
        assert "none" in err
    assert "no UTF-8" in run("propose", snap, *quick, "--motivation", tmp_path / "bad.txt")[2]
