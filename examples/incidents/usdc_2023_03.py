"""11 March 2023: USDC falls; a cap on the upside lets the fall through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from examples.incidents.market import RAW, Account, Asset, effects, market_of
from examples.incidents.record import NO_DATA, Incident, Row, data_folder, one
from oracles.chainlink import propagate
from oracles.facts import feed_for
from oracles.stable_caps import stable_price

BARS = "prices/usdc_usd_dex_15m_2023_03_depeg.parquet"
STABLE_CAP_RAW = 104_000_000
THRESHOLD_BPS, BONUS_BPS = 9_750, 100  # stable e-mode of Aave v3 Avalanche
LOOPED = 0.97  # debt over collateral before
HELD_USDC = 1_000_000.0


@dataclass(frozen=True, slots=True)
class _Replayed:
    market_low: float | None = None
    low: float | None = None
    lost_share: float | None = None


def replay() -> Incident:
    """Drive real 15-minute prices of USDC through its feed and a stable cap."""
    folder = data_folder()
    seen = _Replayed() if folder is None else _replayed(pd.read_parquet(folder / BARS))
    buffer_bps = (1 - THRESHOLD_BPS * (10_000 + BONUS_BPS) / 1e8) * 1e4
    return Incident(
        date="2023-03-11",
        title="USDC depeg",
        source="Gauntlet on Aave's shortfall; 15-minute bars of decentralised exchanges, March 2023",
        lesson="The depeg was real, and the feed said so within its deviation: a cap hides only the upside. "
        "What was lost was the thin buffer of a stable e-mode.",
        rows=(
            Row(
                "lowest USDC answer",
                (0.87, 0.88),
                seen.low,
                "USD",
                NO_DATA if folder is None else "closes of one venue, whose lowest trade was 0.899",
            ),
            Row(
                "the same, against that venue's lowest close",
                None if seen.market_low is None else one(seen.market_low),
                seen.low,
                "USD",
                "nothing of the fall is hidden",
            ),
            Row("fall a liquidation in the stable e-mode survives", None, buffer_bps, "bps"),
            Row(
                "bad debt of a 97 % loop left alone, of its debt",
                None,
                seen.lost_share,
                "%",
                "280 k USD on Avalanche are that on the debt of a few million",
            ),
        ),
        assumed="Threshold 97.5 % and bonus 1 %; the loop owes another dollar coin and meets the low at "
        "once. The books of Avalanche and Arbitrum are not at hand.",
    )


def _replayed(bars: pd.DataFrame) -> _Replayed:
    time_s = (bars.time - bars.time.iloc[0]).dt.total_seconds().to_numpy()
    market = bars.close_usd.to_numpy(dtype=float)
    raw = propagate(feed_for("USDC / USD", 8), time_s, market[None, :])[0]
    answers = np.array([stable_price(int(a), STABLE_CAP_RAW) for a in raw]) / RAW
    low = float(answers.min())
    return _Replayed(float(market.min()), low, _lost(low) * 100)


def _lost(price: float) -> float:
    """Return the share of its debt a loop leaves unpaid when the price is there at once."""
    book = market_of(
        [Asset("USDC", 1.0, THRESHOLD_BPS, BONUS_BPS), Asset("USDT", 1.0)],
        [Account("loop", (0, HELD_USDC), (1, HELD_USDC * LOOPED))],
        1_678_521_600,
    )
    harm = effects(book, [round(price * RAW), RAW], [price, 1.0], [price, 1.0])
    return harm.bad_debt_usd / (HELD_USDC * LOOPED)
