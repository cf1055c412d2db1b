"""Which conclusions of a stress test hang on how deep markets were taken to be.

The same scenarios are run with a third and three times the depth, with 14 % of it, and with nothing
left to withdraw.  A conclusion that one of these reverses is not identified by the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from risk.depth import Depth
from risk.engine.liquidity import Liquidity
from risk.outcome import Outcome

AS_GIVEN = "as given"
VARIANTS: dict[str, tuple[float, Liquidity | None]] = {
    AS_GIVEN: (1.0, None),
    "depth x 1/3": (1 / 3, None),
    "depth x 3": (3.0, None),
    "depth -86 %": (0.14, None),
    "utilisation 100 %": (1.0, Liquidity.NONE),
}
LOSS_USD = 1.0  # less is no bad debt: dust and rounding
WITHIN = 0.10  # relative difference that leaves an amount as it was

Run = Callable[[Depth, Liquidity | None], Outcome]


@dataclass(frozen=True, eq=False, slots=True)
class Sensitivity:
    """The variants side by side.

    Parameters
    ----------
    table : DataFrame
        One row a variant: largest and mean bad debt, avoidable loss and repaid debt, USD; the worst
        scenario; the scenarios with bad debt.
    conclusions : DataFrame
        One row a conclusion: what it says, ``holds`` whether in every variant, ``fails`` where not.
    infinite_depth : bool
        Whether some depth was infinite in all variants, so that the factors did not touch it.
    """

    table: pd.DataFrame
    conclusions: pd.DataFrame
    infinite_depth: bool


def depth_sensitivity(run: Run, depth: Depth) -> Sensitivity:
    """Return what becomes of the conclusions of ``run`` when depth and liquidity are others.

    Parameters
    ----------
    run : callable (Depth, Liquidity or None) -> Outcome
        The stress test; None for the liquidity it takes as given.
    depth : Depth
    """
    outcomes = {
        name: run(depth.scaled(factor) if factor != 1.0 else depth, liquidity)
        for name, (factor, liquidity) in VARIANTS.items()
    }
    given = outcomes[AS_GIVEN]
    table = pd.DataFrame([{"variant": name} | _numbers(one) for name, one in outcomes.items()])
    checks: dict[str, Callable[[Outcome], bool]] = {
        f"the worst scenario by bad debt is {_worst(given)}": lambda o: _worst(o) == _worst(given),
        f"{int(_hit(given).sum())} of {len(given)} scenarios leave bad debt": lambda o: bool(
            (_hit(o) == _hit(given)).all()
        ),
        "the largest bad debt stays within 10 %": lambda o: _close(_bad(o).max(), _bad(given).max()),
        "the largest avoidable loss stays within 10 %": lambda o: _close(_lost(o).max(), _lost(given).max()),
    }
    rows = []
    for text, holds in checks.items():
        fails = [name for name, one in outcomes.items() if not holds(one)]
        rows.append({"conclusion": text, "holds": not fails, "fails": ", ".join(fails)})
    return Sensitivity(table, pd.DataFrame(rows), given.infinite_depth)


def _numbers(outcome: Outcome) -> dict[str, object]:
    return {
        "worst_scenario": _worst(outcome),
        "scenarios_with_bad_debt": int(_hit(outcome).sum()),
        "max_bad_debt_usd": float(_bad(outcome).max()),
        "mean_bad_debt_usd": float(np.average(_bad(outcome), weights=outcome.weight)),
        "max_avoidable_loss_usd": float(_lost(outcome).max()),
        "max_repaid_usd": float(outcome.repaid_usd.sum(axis=1).max()),
    }


def _bad(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(outcome.bad_debt_usd.sum(axis=1))


def _lost(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(outcome.avoidable_loss_usd.sum(axis=1))


def _hit(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(_bad(outcome) >= LOSS_USD)


def _worst(outcome: Outcome) -> str:
    return outcome.names[int(np.argmax(_bad(outcome)))]


def _close(a: float, b: float) -> bool:
    return bool(abs(a - b) <= max(WITHIN * abs(b), LOSS_USD))
