"""The pictures of docs/oracles.md: every kind has one, and they come out the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.step_curves import Picture, response
from examples.step_responses import PICTURES, draw

DOCS = Path(__file__).resolve().parents[2] / "docs"
BY_NAME = {p.name: p for p in PICTURES}


@pytest.mark.parametrize("picture", PICTURES, ids=BY_NAME.keys())
def test_a_picture_is_in_the_docs_and_the_same_each_time(picture: Picture, tmp_path: Path) -> None:
    drawn = draw(picture, tmp_path).read_bytes()
    shown = (DOCS / "pictures" / f"step_{picture.name}.svg").read_bytes()
    assert drawn == shown, "run `python -m examples.step_responses` and look at what changed"
    assert f"pictures/step_{picture.name}.svg" in (DOCS / "oracles.md").read_text(encoding="utf-8")


def test_the_docs_show_no_other_picture() -> None:
    assert {p.name for p in (DOCS / "pictures").glob("step_*.svg")} == {
        f"step_{name}.svg" for name in BY_NAME
    }


def passed_at(name: str, curve: int, minute: float) -> float:
    picture = BY_NAME[name]
    since, passed = response(picture.curves[curve], picture)
    return float(passed[since <= minute][-1])


@pytest.mark.parametrize(
    ("name", "curve", "minute", "share"),
    [
        ("chainlink", 0, 0.9, 0.0),
        ("chainlink", 0, 1.0, 1.0),
        ("twap", 0, 10.0, 0.3228),
        ("curve_ema", 0, 10.0, 0.5),
        ("curve_ema", 0, 30.0, 0.875),
        ("osm", 0, 99.8, 0.0),
        ("osm", 0, 100.0, 1.0),
        ("anchored", 1, 4.5, 0.0),
        ("anchored", 1, 4.6, 1.0),
        ("observers", 0, 10.0, 0.0),
        ("observers", 1, 10.0, 1.0),
        ("phases", 0, 19.8, 0.0),
        ("phases", 0, 20.0, 1.0),
        ("svr", 0, 1.0, 1.0),
        ("svr", 1, 1.8, 0.0),
        ("svr", 1, 2.0, 1.0),
        ("svr", 2, 6.0, 0.0),
        ("svr", 2, 6.2, 1.0),
        ("ratio_cap", 0, 0.0, 1.0),
        ("ratio_cap", 1, 0.0, 12 * 60 / 365 / 5),
        ("ratio_cap", 2, 0.0, 1.0),
        ("stable_cap", 0, 5.0, 0.4),
        ("stable_cap", 1, 5.0, 1.0),
        ("stable_cap", 2, 5.0, 0.608),
        ("pendle", 0, 60.0, (1.1 / (1 - 0.2 * 67.5 / 365) - 1) / 0.1),
        ("synchronicity", 0, 5.0, 1.0),
        ("synchronicity", 1, 5.0, -1 / 1.1),
        ("fixed_and_shares", 0, 5.0, 0.0),
        ("fixed_and_shares", 1, 0.0, 1.0),
        ("morpho", 0, 5.0, 1.0),
        ("morpho", 1, 5.0, -1 / 1.1),
        ("sequencer", 0, 29.8, 0.0),
        ("sequencer", 0, 30.0, 1.0),
    ],
)
def test_known_shares_of_a_step(name: str, curve: int, minute: float, share: float) -> None:
    assert passed_at(name, curve, minute) == pytest.approx(share, abs=1.5e-3)
