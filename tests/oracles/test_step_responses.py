"""The pictures of docs/oracles.md: every kind has one, and they come out the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.step_responses import PICTURES, Picture, draw, response

DOCS = Path(__file__).resolve().parents[2] / "docs"
BY_NAME = {p.name: p for p in PICTURES}


@pytest.mark.parametrize("picture", PICTURES, ids=BY_NAME.keys())
def test_a_picture_is_in_the_docs_and_the_same_each_time(picture: Picture, tmp_path: Path) -> None:
    once = draw(picture, tmp_path).read_bytes()
    assert draw(picture, tmp_path).read_bytes() == once
    assert (DOCS / "pictures" / f"step_{picture.name}.svg").is_file()
    assert f"pictures/step_{picture.name}.svg" in (DOCS / "oracles.md").read_text(encoding="utf-8")


def passed_at(name: str, curve: int, minute: float) -> float:
    picture = BY_NAME[name]
    time_min, passed = response(picture.curves[curve], picture.minutes)
    return float(passed[time_min <= minute][-1])


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
    ],
)
def test_known_shares_of_a_step(name: str, curve: int, minute: float, share: float) -> None:
    assert passed_at(name, curve, minute) == pytest.approx(share, abs=1.5e-3)
