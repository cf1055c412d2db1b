"""Where a higher liquidation threshold does not do what one expects of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from examples.incidents.market import NO_COSTS, RAW, Account, Asset, market_of
from examples.validation.closed_forms import scenarios_of
from examples.validation.target import Target
from risk.engine.advance import Inputs, advance, engine_of, start
from risk.engine.clearing import clear, ladder
from risk.engine.stress import stress

SOURCE = "worked by hand"
BONUS = 0.05


def targets() -> Iterator[Target]:
    """Return the examples against monotonicity in the threshold."""
    yield from _bad_debt_falls()
    yield from _more_is_repaid()
    yield from _volatile_debt()


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


def _volatile_debt() -> Iterator[Target]:
    """Sell A's X, which B owes: who is spared at a higher threshold leaves X dear for the other."""
    for threshold, text in ((0.80, "37.0"), (0.83, "42.7")):
        name = f"100 X against 74 USD, 120 Y against 94.8 X, threshold of X {threshold}"
        ours = _repaid_in_turn(threshold)
        yield Target("D3", f"repaid: {name}", SOURCE, text, ours, "k USD", "volatile debt")


def _repaid_in_turn(threshold: float) -> float:
    """Return what is repaid after X falls by 10 %, then Y by 12 %, each sale lowering its price; thousands.

    Half of a debt a call (Aave v2); 0.2 % of the price a thousand tokens sold, seen by the oracle before
    the next call.
    """
    assets = [
        Asset("X", 1.0, round(threshold * 1e4), round(BONUS * 1e4)),
        Asset("Y", 1.0, 8_000, round(BONUS * 1e4)),
        Asset("USDC", 1.0),
    ]
    accounts = [Account("A", (0, 100e3), (2, 74e3)), Account("B", (1, 120e3), (0, 94.8e3))]
    engine = engine_of(market_of(assets, accounts, 1_700_000_000, "2.0"), NO_COSTS)
    state, price, repaid = start(engine, 1), np.ones(3), 0.0
    for moment, fall in enumerate(([0.90, 1.0, 1.0], [1.0, 0.88, 1.0], [1.0, 1.0, 1.0])):
        price = price * fall
        raw = np.rint(price * RAW).astype(np.int64)[None]
        state, step = advance(engine, state, Inputs(raw, price[None], price[None], 12.0 * moment, 1.0))
        repaid += float(step.repaid_usd.sum())
        price = price * (1 - 0.002 * step.sold_tokens[0] / 1e3)
    return repaid / 1e3
