"""``breakwater verify`` on what ``breakwater solve`` wrote: judged again, and tampered with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from protocols.store import digest, load
from risk.cli import copied_inputs
from risk.cli.main import app
from risk.proposal.bundle import sha256
from risk.scenarios.build import grid
from risk.scenarios.storage import write_scenarios
from tests.risk.cli.conftest import Run
from tests.risk.solver.small import LIMITS


@pytest.fixture(scope="module")
def written(snap: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, certified under two generators, with an outer bootstrap."""
    folder = tmp_path_factory.mktemp("solved")
    (folder / "limits.toml").write_text(LIMITS)
    asked = [
        "--draws",
        "100",
        "--certify",
        "200",
        "--certify-with",
        "stressed",
        "--certify-with",
        "bootstrap",
    ]
    given = [str(snap), "--limits", str(folder / "limits.toml"), *asked, "--outer", "2"]
    got = CliRunner().invoke(app, ["solve", *given, "--no-explain", "-o", str(folder / "out")])
    assert got.exit_code == 0, got.output
    return folder / "out"


@pytest.fixture
def bundle(written: Path, tmp_path: Path) -> Path:
    return Path(copytree(written, tmp_path / "elsewhere"))


def rewritten(bundle: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change a JSON output and make the manifest agree, as a forger would."""
    body = json.loads((bundle / name).read_text())
    change(body)
    (bundle / name).write_text(json.dumps(body))
    manifest = json.loads((bundle / "manifest.json").read_text())
    if name != "manifest.json":
        manifest["outputs"][name] = sha256((bundle / name).read_bytes())
        (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_the_folder_holds_everything(written: Path) -> None:
    manifest = json.loads((written / "manifest.json").read_text())
    found = {p.relative_to(written).as_posix() for p in written.rglob("*") if p.is_file()}
    listed = manifest["inputs"] | manifest["outputs"]
    snapshot = {name for name in found if name.startswith("snapshot/")}
    assert found - snapshot == {*listed, "manifest.json"}
    assert set(manifest["inputs"]) == {"inputs/limits.toml"}
    assert {f"snapshot/{n}.parquet" for n in manifest["snapshot_parts"]} < snapshot
    assert digest(written / "snapshot") == manifest["snapshot_sha256"]
    proof = json.loads((written / "solution.json").read_text())["data"]["proof"]
    assert set(proof["certificates"]) == {"stressed", "bootstrap"}
    assert len(proof["outer"]["spreads"][0]["cvar_usd"]) == 2
    text = (written / "solution.md").read_text()
    assert "What history alone supports" in text
    assert "Other histories" in text


def test_it_is_judged_again_from_the_folder_alone(bundle: Path, run: Run) -> None:
    code, out, err = run("verify", bundle)
    assert (code, "judged and certified again" in out + err) == (0, True), err
    code, out, _ = run("verify", bundle, "--json")
    assert json.loads(out)["data"]["computed"] is True


@pytest.mark.parametrize(
    "name", ["solution.json", "solution.md", "plan.json", "inputs/limits.toml", "snapshot/debt.parquet"]
)
def test_a_tampered_file_is_named(bundle: Path, run: Run, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(bytes(content))
    code, _, err = run("verify", bundle)
    assert code in (1, 2)
    assert name.rpartition("/")[2] in err


def test_a_forged_amount_is_found(bundle: Path, run: Run) -> None:
    """The forger made the manifest agree; the figure is not what the inputs lead to."""

    def less(body: Any) -> None:
        body["data"]["recommended"]["amounts"][0]["value"] -= 1000

    rewritten(bundle, "solution.json", less)
    code, _, err = run("verify", bundle)
    assert code == 1
    assert "recommended.amounts[0].value" in " ".join(err.split())


def of(*place: Any, to: Any = None) -> Callable[[Any], None]:
    """A forgery of one entry: another value, or 1.01 of the number there."""

    def forge(body: Any) -> None:
        for key in place[:-1]:
            body = body[key]
        body[place[-1]] = body[place[-1]] * 1.01 + 1 if to is None else to

    return forge


@pytest.mark.parametrize(
    ("forge", "named"),
    [
        (of("inputs", "seed"), "inputs.seed"),
        (of("inputs", "limits_sha256", to="0"), "inputs.limits_sha256"),
        (of("data", "limits", "bad_debt.cvar_usd"), "limits.bad_debt.cvar_usd"),
        (of("data", "do_nothing", "gain"), "do_nothing.gain"),
        (of("data", "recommended", "kept", to=False), "recommended.kept"),
        (of("data", "twins", 0, "holds_real_usd"), "twins[0].holds_real_usd"),
        (of("data", "two_largest", 1, "debt_usd"), "two_largest[1].debt_usd"),
        (of("data", "exact_bound"), "solution.md"),  # the page says another
        (of("findings", 0, "message", to="all is well"), "solution.md"),
        (of("findings", 0, "kind", to="no kind"), "is none that 'breakwater solve' writes"),
        (of("data", "proof", to={"identified": None}), "proof is not what"),
        (of("data", to={}), "is none that 'breakwater solve' writes"),
    ],
)
def test_whatever_is_computed_again_is_found(
    bundle: Path, run: Run, forge: Callable[[Any], None], named: str
) -> None:
    rewritten(bundle, "solution.json", forge)
    code, _, err = run("verify", bundle)
    assert code in (1, 2)
    assert named in " ".join(err.split())


def test_a_recommendation_that_was_taken_away_is_found(bundle: Path, run: Run) -> None:
    """Without a recommendation there is no plan to ask for, and its page says why."""

    def none(body: Any) -> None:
        body["data"] |= {"recommended": None, "changes": [], "plan": [], "proof": None}

    rewritten(bundle, "solution.json", none)
    assert run("verify", bundle)[0] == 1


@pytest.mark.parametrize(
    "old", ["### Limits, and what is left of each\n\n", "| 1,000,000,000,000 |", "## Proof\n"]
)
def test_a_forged_page_is_found(bundle: Path, run: Run, old: str) -> None:
    """The page is what people read: it says what solution.json does, under a manifest that agrees with it."""
    page = (bundle / "solution.md").read_text()
    assert old in page
    (bundle / "solution.md").write_text(page.replace(old, "", 1))
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["outputs"]["solution.md"] = sha256((bundle / "solution.md").read_bytes())
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    code, _, err = run("verify", bundle)
    assert (code, "solution.md is not what its inputs lead to" in " ".join(err.split())) == (1, True)


def test_a_forged_stage_is_found(bundle: Path, run: Run) -> None:
    def sooner(body: Any) -> None:
        body["data"]["plan"][0]["not_before_s"] -= 86_400

    rewritten(bundle, "solution.json", sooner)
    code, _, err = run("verify", bundle)
    assert code == 1
    assert "plan[0].not_before_s" in "".join(err.split())


def test_a_plan_of_other_changes_is_found(bundle: Path, run: Run) -> None:
    """`propose --from` reads plan.json alone: it must ask for what was judged."""

    def more(body: Any) -> None:
        body["changes"][0] = body["changes"][0].partition("=")[0] + "=9000bps"

    rewritten(bundle, "plan.json", more)
    code, _, err = run("verify", bundle)
    assert code == 1
    assert "plan.json does not ask for the changes of solution.json" in " ".join(err.split())


def test_a_forged_certificate_is_found(bundle: Path, run: Run) -> None:
    def better(body: Any) -> None:
        body["data"]["proof"]["certificates"]["stressed"]["bounds"][0]["cvar_bound_usd"] *= 0.5

    rewritten(bundle, "solution.json", better)
    code, _, err = run("verify", bundle)
    assert code == 1
    assert "proof.certificates.stressed.bounds[0].cvar_bound_usd" in "".join(err.split())


def test_another_choice_is_found(bundle: Path, run: Run) -> None:
    def other(body: Any) -> None:
        body["data"]["changes"][0]["after"] += 7

    rewritten(bundle, "solution.json", other)
    code, _, err = run("verify", bundle)
    assert code == 1
    assert "no choice on the menu" in " ".join(err.split())


def test_another_seed_is_found(bundle: Path, run: Run) -> None:
    def other(body: Any) -> None:
        body["settings"]["seed"] = 99

    rewritten(bundle, "manifest.json", other)
    code, _, err = run("verify", bundle)
    assert code == 1
    assert "scenarios_sha256" in err


@pytest.fixture(scope="module")
def named(snap: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose scenarios are a spec that names a folder; the originals are gone."""
    folder = tmp_path_factory.mktemp("named")
    (folder / "limits.toml").write_text(LIMITS)
    write_scenarios(grid("market=0:-40%:5", load(snap)), folder / "wave")
    (folder / "s.toml").write_text('[[paths]]\nfolder = "wave"\n[[shock]]\nmove = "WETH=-30%"\n')
    asked = ["--limits", str(folder / "limits.toml"), "--scenarios", str(folder / "s.toml"), "--no-explain"]
    got = CliRunner().invoke(app, ["solve", str(snap), *asked, "-o", str(folder / "out")])
    assert got.exit_code == 0, got.output
    rmtree(folder / "wave")
    return folder / "out"


def test_scenarios_in_a_folder_are_in_the_bundle(named: Path, run: Run) -> None:
    code, out, err = run("verify", named)
    assert (code, "judged and certified again" in out + err) == (0, True), err


@pytest.mark.parametrize("name", ["market", "fair", "scenarios"])
def test_a_tampered_scenario_is_found(named: Path, run: Run, tmp_path: Path, name: str) -> None:
    """Also by a forger who makes both manifests agree."""
    bundle = Path(copytree(named, tmp_path / "elsewhere"))
    folder = bundle / "inputs" / "scenarios-0"
    frame = pd.read_parquet(folder / f"{name}.parquet")
    column = "weight" if name == "scenarios" else "WETH"
    frame.loc[1, column] *= 1.01
    frame.to_parquet(folder / f"{name}.parquet", index=False)
    code, _, err = run("verify", bundle)
    assert (code, f"scenarios-0/{name}.parquet was changed" in " ".join(err.split())) == (1, True)
    inner = json.loads((folder / "manifest.json").read_text())
    inner["files"][f"{name}.parquet"] = sha256((folder / f"{name}.parquet").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(inner))
    outer = json.loads((bundle / "manifest.json").read_text())
    for file in ("manifest.json", f"{name}.parquet"):
        outer["inputs"][f"inputs/scenarios-0/{file}"] = sha256((folder / file).read_bytes())
    (bundle / "manifest.json").write_text(json.dumps(outer))
    code, _, err = run("verify", bundle)
    assert (code, "scenarios_sha256" in err) == (1, True)


@pytest.mark.verify
def test_scenarios_too_large_to_copy_are_asked_for(
    snap: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle says so when it is written, and verify names the remedy and takes the original."""
    monkeypatch.setattr(copied_inputs, "LARGEST_BYTES", 1_000)
    (tmp_path / "limits.toml").write_text(LIMITS)
    write_scenarios(grid("market=0:-40%:5", load(snap)), tmp_path / "wave")
    asked = ("--limits", tmp_path / "limits.toml", "--scenarios", tmp_path / "wave", "--no-explain")
    code, _, err = run("solve", snap, *asked, "-o", tmp_path / "out")
    assert (code, "--scenarios are larger than" in " ".join(err.split())) == (0, True), err
    code, _, err = run("verify", tmp_path / "out")
    assert (code, "give the original with --scenarios" in " ".join(err.split())) == (1, True)
    assert run("verify", tmp_path / "out", "--scenarios", tmp_path / "wave")[0] == 0


def test_too_few_draws_are_refused_before_any_work(written: Path, run: Run) -> None:
    limits = written / "inputs" / "limits.toml"
    code, _, err = run("solve", written / "snapshot", "--limits", limits, "--draws", 100, "--certify", 5)
    assert code == 2
    assert "5 scenarios cannot certify" in err
    assert "Draw at least" in err
    assert "losses of every option" not in err


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (("--certify", 200, "--certify-with", "nonsense"), "no generator"),
        (("--sensitivity", 1), "without a depth"),
    ],
)
def test_what_cannot_be_known_is_refused(
    written: Path, run: Run, asked: tuple[object, ...], named: str
) -> None:
    limits = written / "inputs" / "limits.toml"
    code, _, err = run("solve", written / "snapshot", "--limits", limits, "--draws", 100, *asked)
    assert code == 2
    assert named in err
    assert "losses of every option" not in err
