"""10 October 2025: USDe at 0.65 on one exchange, and the same fall had it been real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples.incidents.market import Account, Asset, Effects, effects, market_of
from examples.incidents.record import Incident, Row, one
from oracles.facts import feed_for
from oracles.graph import Node, OracleGraph
from oracles.observers import Observers
from oracles.sources import FeedSource
from oracles.stable_caps import StableCap
from protocols.snapshot import Snapshot

Floats = NDArray[np.float64]
START_S = 1_760_132_160  # 21:36 UTC
PRINT, BYBIT, POOLS = 0.65, 0.92, 0.997  # lowest on Binance and Bybit; pools stayed within 0.3 %
FALL_MIN, LAST_MIN, END_MIN = 10, 30, 40  # down in ten minutes, back at 22:16
REAL_FALL_MIN = 360  # USDC took about as long in March 2023
BINANCE, VENUES = 0, ("Binance", "Bybit", "Curve", "Uniswap", "Fluid")
STABLE_CAP_RAW = 104_000_000
THRESHOLD_BPS, BONUS_BPS, FEE_BPS = 9_300, 200, 1_000  # e-mode "USDe Stablecoin" of Aave v3 Ethereum
HEALTHS = np.linspace(1.01, 1.70, 70)
HELD_USDE = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Twin:
    """What each way to price USDe does to the same book, if the fall is of one venue and if it is real."""

    single: Effects
    cross: Effects
    peg: Effects
    real_single: Effects
    real_peg: Effects

    @property
    def break_even(self) -> float:
        """Return the probability that the fall is real from which on following it costs less."""
        wrong = self.single.loss_usd + self.single.bad_debt_usd
        hidden = self.real_peg.bad_debt_usd - self.real_single.bad_debt_usd - self.real_single.loss_usd
        return wrong / (wrong + hidden)


def twin() -> Twin:
    """Run the print and the real fall through three price sources of one book."""
    minutes = np.arange(END_MIN + 30, dtype=float)
    print_usd = np.interp(minutes, [0, FALL_MIN, LAST_MIN, END_MIN], [1.0, PRINT, PRINT, 1.0])
    bybit = np.interp(minutes, [0, FALL_MIN, LAST_MIN, END_MIN], [1.0, BYBIT, BYBIT, 1.0])
    pools = np.interp(minutes, [0, FALL_MIN, LAST_MIN, END_MIN], [1.0, POOLS, POOLS, 1.0])
    wrong = np.stack([print_usd, bybit, pools, pools, pools], axis=1)
    longer = np.arange(REAL_FALL_MIN + 60, dtype=float)
    depeg = np.interp(longer, [0, REAL_FALL_MIN], [1.0, PRINT])
    real = np.repeat(depeg[:, None], len(VENUES), axis=1)
    book = _book()
    return Twin(
        single=_run(book, _graph("single"), wrong, pools, minutes),
        cross=_run(book, _graph("cross"), wrong, pools, minutes),
        peg=_run(book, _graph("peg"), wrong, pools, minutes),
        real_single=_run(book, _graph("single"), real, depeg, longer),
        real_peg=_run(book, _graph("peg"), real, depeg, longer),
    )


def replay() -> Incident:
    """Return what each price source liquidates, and when a frozen price is worth its risk."""
    seen, debt = twin(), float(_book().debt_usd.sum())
    return Incident(
        date="2025-10-10",
        title="USDe at one exchange, and its twin",
        source="governance.aave.com t/23248; llamarisk.com, When Pricing Breaks; gov.ethenafoundation.com "
        "t/706 (Bybit 0.92, pools at 0.99); Aave pool report of July 2025 (e-mode)",
        lesson="Aave read USDT/USD for USDe, and nothing happened. One exchange's price would have "
        "liquidated nearly every loop at a fair price of 0.997. Had the fall been real, the same frozen "
        "price would have hidden it: which is better depends on how likely a real fall is, and on depth.",
        rows=(
            Row(
                "accounts liquidated, USDe read at USDT/USD",
                one(0),
                seen.peg.liquidated,
                "",
                "as Aave did; 50 k USD of other positions with USDe or sUSDe were liquidated",
            ),
            Row("accounts liquidated, median of five venues", one(0), seen.cross.liquidated, ""),
            Row(
                "accounts liquidated, Binance alone",
                None,
                seen.single.liquidated,
                f"of {len(HEALTHS)}",
                "healths before from 1.01 to 1.70",
            ),
            Row(
                "repaid though fair prices did not call for it, Binance alone",
                one(100),
                seen.single.over_usd / seen.single.repaid_usd * 100,
                "%",
                "pools said 0.997",
            ),
            Row("borrowers' loss, Binance alone", None, seen.single.loss_usd / debt * 100, "% of debt"),
            Row("bad debt, USDe read at USDT/USD", one(0), seen.peg.bad_debt_usd, "USD"),
            Row(
                "real fall, USDe read at USDT/USD: bad debt",
                None,
                seen.real_peg.bad_debt_usd / debt * 100,
                "% of debt",
                "nobody is liquidated",
            ),
            Row(
                "real fall, price followed: bad debt",
                None,
                seen.real_single.bad_debt_usd / debt * 100,
                "% of debt",
                "six hours to sell, without limit of depth",
            ),
            Row(
                "real with at least this probability: following is better",
                None,
                seen.break_even * 100,
                "%",
                "borrowers' loss and bad debt weighed alike",
            ),
        ),
        assumed="Shapes: the print takes ten minutes down, twenty low, ten back; the real fall takes six "
        "hours. A book of loops against USDT with even healths in the e-mode of 93 % and 2 %. Depth without "
        "limit: with less, following a real fall saves less and the probability is higher.",
    )


def _book() -> Snapshot:
    accounts = [
        Account(f"loop {k}", (0, HELD_USDE), (1, HELD_USDE * THRESHOLD_BPS / 1e4 / health))
        for k, health in enumerate(HEALTHS.tolist())
    ]
    return market_of(
        [Asset("USDe", 1.0, THRESHOLD_BPS, BONUS_BPS, FEE_BPS), Asset("USDT", 1.0)], accounts, START_S
    )


def _graph(reads: str) -> OracleGraph:
    usde = feed_for("USDE / USD", 8)
    tether = Node("USDT feed", FeedSource(feed_for("USDT / USD", 8), 1))
    capped = Node("USDT", StableCap(8, STABLE_CAP_RAW), ("USDT feed",))
    if reads == "peg":
        return OracleGraph(("USDe", "USDT"), (tether, capped), ("USDT", "USDT"), START_S)
    venues = (BINANCE,) if reads == "single" else tuple(range(len(VENUES)))
    own = Node("USDe", FeedSource(usde, 0, observers=Observers(((31, venues),))))
    return OracleGraph(("USDe", "USDT"), (tether, capped, own), ("USDe", "USDT"), START_S)


def _run(
    book: Snapshot, graph: OracleGraph, venues_usd: Floats, fair_usd: Floats, minutes: Floats
) -> Effects:
    """Send USDe's price at each venue through the graph, and let liquidators sell at the fair price."""
    dollar = np.ones_like(venues_usd)
    market = np.stack([venues_usd, dollar], axis=-1)[None]
    oracle = graph.propagate(minutes * 60, market)[0]
    fair = np.stack([fair_usd, np.ones_like(fair_usd)], axis=-1)
    return effects(book, oracle, fair, fair, minutes * 60)
