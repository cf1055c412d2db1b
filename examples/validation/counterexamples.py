"""Where a higher liquidation threshold does not do what one expects of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from examples.incidents.market import NO_COSTS, Account, Asset, market_of
from examples.validation.closed_forms import scenarios_of
from examples.validation.target import Target
from risk.engine.clearing import clear, ladder
from risk.engine.stress import stress

SOURCE = "worked by hand"
BONUS = 0.05


def targets() -> Iterator[Target]:
    """Return the examples against monotonicity in the threshold."""
    yield from _bad_debt_falls()
    yield from _more_is_repaid()


def _bad_debt_falls() -> Iterator[Target]:
    """Sell whole accounts into a price: a hundred loans of 0.72 and one of 0.78 on a token each."""
    debt = np.array([0.72] * 100 + [0.78])
    for threshold, price, loss in ((0.81, "0.746", "1.005"), (0.82, "0.889", "0")):
        book = ladder(debt / threshold, np.ones(101), lambda volume: 1 - 0.0016 * volume)
        cleared = clear(book, [0.89])
        end, sold = float(cleared.best_price[0]), int(cleared.best_sold[0])
        hit = np.sort(debt)[::-1][:sold]
        bad = float(np.maximum(hit - end / (1 + BONUS), 0.0).sum())
        name = f"whole accounts sold into 0.16 % a token, threshold {threshold}"
        yield Target("D1", f"price after: {name}", SOURCE, price, end)
        yield Target("D1", f"bad debt: {name}", SOURCE, loss, bad, "", "falls as the threshold rises")


def _more_is_repaid() -> Iterator[Target]:
    """Call by the close factor of v3 on a path: who is called later may be called for everything."""
    cases = (
        (
            "100 owed, 127 held, prices 1, 0.98, 0.86",
            100,
            127,
            (1, 0.98, 0.86),
            ((0.80, "50"), (0.82, "100")),
        ),
        ("75 owed, one held at 93, then 82", 75, 1, (100, 93, 82), ((0.80, "37.5"), (0.82, "75"))),
    )
    for name, owed, held, path, expected in cases:
        for threshold, text in expected:
            ours = _repaid(owed, held, path, threshold)
            yield Target("D2", f"repaid: {name}, threshold {threshold}", SOURCE, text, ours, "k USD")


def _repaid(owed: float, held: float, path: tuple[float, ...], threshold: float) -> float:
    """Return what liquidators repay along a path; in thousands, above what counts as dust."""
    assets = [Asset("X", path[0], round(threshold * 1e4), round(BONUS * 1e4)), Asset("USDC", 1.0)]
    book = market_of(assets, [Account("borrower", (0, held * 1e3), (1, owed * 1e3))], 1_700_000_000)
    price = np.array([[(p, 1.0) for p in path]])
    outcome = stress(book, scenarios_of(price, np.arange(len(path)) * 3600.0, "X"), liquidators=NO_COSTS)
    return float(outcome.repaid_usd.sum()) / 1e3
