"""26 November 2020: Compound liquidates DAI borrowers at the price of one exchange."""

from __future__ import annotations

import numpy as np

from examples.incidents.record import Incident, Row, one
from oracles import anchored, lagging_mean

RAW = 10**6
TAKEN, PRINT = 1.23, 1.30
REPAID_DAI, INCENTIVE = 85.2e6, 0.08
RISE_S, STEP_S = 600, 15  # the print rises over ten minutes, a posting every block or so


def replay() -> Incident:
    """Post DAI on its way from 1.00 to 1.30 against an anchor at the dollar, then a pool that follows."""
    path = np.round(np.linspace(1.0, PRINT, RISE_S // STEP_S + 1) * RAW).astype(np.int64)
    steady = _on_chain(path, np.full(len(path), RAW))
    held_s = _seconds_until_the_pool_lets_it_in()
    return Incident(
        date="2020-11-26",
        title="Compound v2, DAI at one exchange",
        source="comp.xyz t/642 (page 2: 1.30 refused, about 1.23 the highest taken; post 88: 85.2 M DAI, "
        "6.8 M of incentive); UniswapAnchoredView.sol of open-oracle",
        lesson="The anchor stopped the print of 1.30, but its band reaches to anchor / 0.8: enough to "
        "liquidate every DAI borrower with a health factor below 1.25.",
        rows=(
            Row(
                "highest DAI price the band lets in",
                (TAKEN, PRINT),
                float(steady.max()) / RAW,
                "USD",
                "the record's end of the band lies between what was taken and what was refused",
            ),
            Row("postings at 1.30 that reach the chain", one(0), float((steady == PRINT * RAW).sum()), ""),
            Row(
                "time a pool must stay at 1.30 to let it in",
                None,
                held_s / 60,
                "min",
                "a mean that reaches back 45 minutes",
            ),
            Row(
                "liquidators' incentive",
                one(6.8),
                REPAID_DAI * INCENTIVE / 1e6,
                "M DAI",
                "8 % of the 85.2 M DAI on record",
            ),
        ),
        assumed="The Uniswap mean of that hour is not on record: it is taken to be one dollar before. The "
        "book of that day is not at hand, so the repaid amount is taken from the record.",
    )


def _on_chain(reporter: anchored.Ints, mean: anchored.Ints) -> anchored.Ints:
    anchor = anchored.Anchor("DAI")
    time_s = np.arange(len(reporter), dtype=float) * STEP_S
    state = anchored.start(anchor, 0.0, reporter[:1], mean[:1])
    return anchored.fold(anchor, state, time_s, reporter[None, :], mean[None, :])[1][0]


def _seconds_until_the_pool_lets_it_in() -> float:
    """Return how long reporter and pool stand at 1.30 until it is accepted, at the longest window."""
    mean = lagging_mean.LaggingMean("DAI / USD")
    half = lagging_mean.PERIOD_S
    time_s = np.arange(0.0, 2.0 * half, STEP_S)
    jump_s = half // 2  # the mean then reaches back three quarters of an hour
    price = np.where(time_s >= jump_s, PRINT, 1.0)
    state = lagging_mean.start(mean, 0.0, [1.0])
    anchor = lagging_mean.fold(mean, state, time_s, price[None, :])[1][0]
    taken = _on_chain(np.round(price * RAW).astype(np.int64), anchor)
    return float(time_s[int(np.argmax(taken == PRINT * RAW))] - jump_s)
