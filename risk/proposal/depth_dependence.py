"""Which of a proposal's conclusions hang on how deep markets were taken to be.

The scenarios are run before and after under each of `risk.sensitivity.VARIANTS`; a conclusion that
one of them reverses is not identified by the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from risk.depth import Depth
from risk.engine.liquidity import Liquidity
from risk.outcome import Outcome
from risk.sensitivity import AS_GIVEN, LOSS_USD, VARIANTS, depth_sensitivity

Sides = tuple[Outcome, Outcome]
RunSides = Callable[[Depth, Liquidity | None], Sides]


@dataclass(frozen=True, slots=True)
class VariantRow:
    """The ledger under one assumption about depth, USD, largest over the scenarios."""

    variant: str
    before_bad_debt_usd: float
    after_bad_debt_usd: float
    before_avoidable_loss_usd: float
    after_avoidable_loss_usd: float


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is concluded with depth as given, and the assumptions that reverse it (none: it holds)."""

    text: str
    reversed_by: tuple[str, ...]

    @property
    def identified(self) -> bool:
        """Return whether no assumption about depth reverses it."""
        return not self.reversed_by


@dataclass(frozen=True, slots=True)
class DepthDependence:
    """The variants side by side.

    Parameters
    ----------
    variants : tuple of VariantRow
    conclusions : tuple of Conclusion
    infinite_depth : bool
        Whether some depth is infinite in all variants, so that the factors did not touch it.
    """

    variants: tuple[VariantRow, ...]
    conclusions: tuple[Conclusion, ...]
    infinite_depth: bool


def depth_dependence(run: RunSides, depth: Depth) -> tuple[Sides, DepthDependence]:
    """Return both sides' outcomes with depth as given, and what other depths make of them.

    Parameters
    ----------
    run : callable (Depth, Liquidity or None) -> (before, after)
    depth : Depth
    """
    made: list[Sides] = []

    def after(curves: Depth, liquidity: Liquidity | None) -> Outcome:
        made.append(run(curves, liquidity))
        return made[-1][1]

    found = depth_sensitivity(after, depth)
    sides = dict(zip(VARIANTS, made, strict=True))
    levels = [
        Conclusion(
            f"after the change, {row['conclusion']}", tuple(filter(None, str(row["fails"]).split(", ")))
        )
        for row in found.conclusions.to_dict("records")
    ]
    moves = [_moved(name, field, sides) for field, name in _MOVED.items()]
    rows = tuple(VariantRow(name, *_largest(pair)) for name, pair in sides.items())
    return sides[AS_GIVEN], DepthDependence(rows, (*moves, *levels), found.infinite_depth)


_MOVED = {"bad_debt_usd": "bad debt", "avoidable_loss_usd": "avoidable loss of borrowers"}


def _largest(sides: Sides) -> tuple[float, float, float, float]:
    (a, b), (c, d) = (tuple(_worst(side, field) for side in sides) for field in _MOVED)
    return a, b, c, d


def _worst(outcome: Outcome, field: str) -> float:
    return float(np.asarray(getattr(outcome, field)).sum(axis=1).max())


def _direction(sides: Sides, field: str) -> int:
    difference = _worst(sides[1], field) - _worst(sides[0], field)
    return 0 if abs(difference) < LOSS_USD else int(np.sign(difference))


def _moved(name: str, field: str, sides: dict[str, Sides]) -> Conclusion:
    given = _direction(sides[AS_GIVEN], field)
    verb = {-1: "lowers", 0: "leaves", 1: "raises"}[given]
    as_it_is = " as it is" if given == 0 else ""
    against = tuple(variant for variant, pair in sides.items() if _direction(pair, field) != given)
    return Conclusion(f"the change {verb} the largest {name}{as_it_is}", against)
