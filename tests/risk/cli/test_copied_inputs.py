"""What a bundle copies: the inputs and every file they name, so that it can be computed again alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from abis.errors import MalformedFile
from protocols.store import load
from risk.cli import copied_inputs
from risk.cli.copied_inputs import copied, missing
from risk.cli.proposal_request import Files
from risk.scenarios.build import grid
from risk.scenarios.spec import load_scenarios
from risk.scenarios.storage import write_scenarios
from tests.risk.report import made

SPEC = """# a comment stays
[[paths]]
folder = "{folder}"
[[shock]]
move = "WETH=-30%"
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec of scenarios beside a folder that it names."""
    market = made.market()
    write_scenarios(grid("market=0:-40%:5", market), tmp_path / "wave")
    (tmp_path / "spec").mkdir()
    path = tmp_path / "spec" / "mine.toml"
    path.write_text(SPEC.format(folder="../wave"))
    return path


def written(files: dict[str, bytes], folder: Path) -> Path:
    """Write copies as a bundle has them."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_spec_is_copied_with_the_folder_it_names(spec: Path, snap: Path, tmp_path: Path) -> None:
    """The copies describe the same scenarios, wherever they lie, and copying them again changes nothing."""
    files = Files(scenarios=spec).contents()
    parts = ("fair.parquet", "manifest.json", "market.parquet", "scenarios.parquet")
    assert sorted(files) == sorted(["inputs/scenarios.toml", *(f"inputs/scenarios-0/{p}" for p in parts)])
    assert files["inputs/scenarios.toml"].decode() == SPEC.format(folder="scenarios-0")
    bundle = written(files, tmp_path / "bundle")
    taken = load(snap)
    again = Files.inside(bundle, dict.fromkeys(files, ""))
    assert again.scenarios == bundle / "inputs/scenarios.toml"
    assert load_scenarios(again.scenarios, taken).sha256 == load_scenarios(spec, taken).sha256
    assert again.contents() == files


def test_a_folder_of_scenarios_is_copied(spec: Path, snap: Path, tmp_path: Path) -> None:
    folder = spec.parent.parent / "wave"
    (folder / "notes.txt").write_text("determines nothing")
    files = Files(scenarios=folder).contents()
    assert "inputs/scenarios/market.parquet" in files
    assert not any("notes" in name for name in files)
    bundle = written(files, tmp_path / "bundle")
    again = Files.inside(bundle, dict.fromkeys(files, ""))
    assert again.scenarios == bundle / "inputs/scenarios"
    taken = load(snap)
    assert load_scenarios(again.scenarios, taken).sha256 == load_scenarios(folder, taken).sha256


def test_one_file_named_twice_is_copied_once(tmp_path: Path) -> None:
    (tmp_path / "eth.csv").write_text("time,close\n")
    text = "[[bootstrap]]\nfiles = ['eth.csv', 'eth.csv']\n[[history]]\nfiles = [\"eth.csv\"]\n"
    (tmp_path / "s.toml").write_text(text)
    files = copied({"certify": tmp_path / "s.toml"}).files
    assert sorted(files) == ["inputs/certify-0.csv", "inputs/certify.toml"]
    spec = tomllib.loads(files["inputs/certify.toml"].decode())
    assert spec["bootstrap"][0]["files"] == ["certify-0.csv"] * 2
    assert spec["history"][0]["files"] == ["certify-0.csv"]


@pytest.mark.parametrize(
    "text",
    [
        "[[paths]]\nfolder = \"a\"\n[[shock]]\nmove = 'a'\n",  # the name is also a move
        '[[paths]]\nfolder = "\\u0061"\n',  # written with an escape
    ],
)
def test_a_name_that_cannot_be_replaced_is_refused(tmp_path: Path, text: str) -> None:
    """A spec is never copied as one that says something else."""
    (tmp_path / "a").mkdir()
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(MalformedFile, match=r"s\.toml' cannot be copied.*Rename one of 'a'"):
        copied({"scenarios": tmp_path / "s.toml"})


def test_what_is_too_large_is_named(spec: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(copied_inputs, "LARGEST_BYTES", 1_000)
    out = copied({"scenarios": spec})
    assert out.too_large == ("scenarios",)
    assert out.files == {"inputs/scenarios.toml": spec.read_bytes()}
    bundle = written(out.files, tmp_path / "bundle")
    assert list(missing({"scenarios": bundle / "inputs/scenarios.toml"})) == [("scenarios", "../wave")]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[[paths]]\nfolder = "gone"\n')
    with pytest.raises(MalformedFile, match=r"gone"):
        copied({"scenarios": tmp_path / "s.toml"})
