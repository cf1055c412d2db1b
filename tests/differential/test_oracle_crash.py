"""Traced and propagated prices against ``AaveOracle.getAssetPrice``, at every block of a crash.

Feeds are Chainlink's own proxy and aggregator bytecode, the oracle Aave's; caps, discounts
and products between them are test contracts (``examples/localchain/solidity``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from examples.localchain.adapters import OracleWorld
from oracles.candle_path import MarketView, candle_path
from oracles.history import read_candles
from tests.differential.crash_day import Crash, Record, replay

pytestmark = pytest.mark.chain

Floats = NDArray[np.float64]
CANDLES = "prices/binance_spot_5m_2021_05_crash.parquet"
DAY = ("2021-05-19", "2021-05-20")
HOUR = 300  # blocks
Properties = Callable[[str, object], None]


def around(level: float, turns: list[tuple[float, float]], length: int) -> Floats:
    """Return straight lines through (share of the time, price), from ``level``."""
    at, price = zip((0.0, level), *turns, strict=True)
    return np.interp(np.linspace(0, 1, length), at, price)


def crash(eth: Floats, btc: Floats, link: Floats) -> Crash:
    n = len(eth)
    return Crash(
        market={
            "WETH": eth,
            "cbBTC": btc,
            "LINK": link,
            # Over its cap of 1.04, then under its peg; and a depeg that returns.
            "USDT": around(1.0, [(0.2, 1.06), (0.4, 0.97), (0.8, 0.99), (1.0, 1.0)], n),
            "USDC": around(1.0, [(0.3, 1.0), (0.5, 0.88), (1.0, 0.995)], n),
            "EURC": around(1.15, [(0.4, 1.24), (1.0, 1.1)], n),
        },
        legs={
            "WBTC / BTC": around(0.999, [(0.5, 0.955), (1.0, 0.998)], n),
            "EUR / USD": around(1.15, [(0.6, 1.12), (1.0, 1.16)], n),
            "weETH / eETH Exchange Rate": around(1.069, [(0.7, 1.0692), (1.0, 1.08)], n),
        },
        reports={
            # Below its cap, above it, and slashed.
            "stETH shares": {
                0: 1_228_900 * 10**12,
                n // 3: 1_231_000 * 10**12,
                2 * n // 3: 1_219_999 * 10**12,
            },
            "rETH rate": {0: 1_160 * 10**15, n // 2: 1_150_123_456_789_012_345},
        },
    )


def hold(record: Record, properties: Properties, rounds: int) -> None:
    properties("blocks", record.blocks)
    properties("rounds pushed", record.rounds)
    properties("prices compared", record.prices.size)
    assert record.not_foretold == []
    assert record.not_followed == []
    assert record.end.findings == ()
    # It was no quiet day: prices moved, and both sides of every cap were seen.
    assert record.rounds == rounds  # as docs/oracle-trace.md says
    symbols = [price.symbol for price in record.end.prices]
    moved = (record.prices[1:] != record.prices[:-1]).sum(axis=0)
    assert all(moved[symbols.index(s)] > 0 for s in symbols if s != "GHO")
    usdt, pegged = record.prices[:, symbols.index("USDT")], record.prices[:, symbols.index("USDC")]
    assert usdt.max() == 104_000_000 > usdt.min()
    assert pegged.min() < 90_000_000


def test_an_hour_of_a_crash_block_by_block(oracle_chain: OracleWorld, record_property: Properties) -> None:
    rng = np.random.default_rng(20210519)
    steps = rng.normal(-0.4 / HOUR, 0.003, (3, HOUR)) + rng.choice([0, -0.02], (3, HOUR), p=[0.99, 0.01])
    eth, btc, link = np.array([[2_500.0], [105_000.0], [14.0]]) * np.exp(np.cumsum(steps, axis=1))
    hold(replay(oracle_chain, crash(eth, btc, link)), record_property, 404)


@pytest.mark.verify
@pytest.mark.real_data
def test_the_day_of_2021_05_19_block_by_block(
    oracle_chain: OracleWorld, data_dir: Path, record_property: Properties
) -> None:
    table = pd.read_parquet(data_dir / CANDLES)
    start, end = (pd.Timestamp(day, tz="UTC") for day in DAY)
    table = table[(table.time >= start) & (table.time < end)]
    table = table.rename(columns=lambda c: c.removesuffix("_usdt"))
    paths = [
        candle_path(read_candles(table[table.symbol == f"{s}USDT"]), MarketView(0.5))[1]
        for s in ("ETH", "BTC", "LINK")
    ]
    assert {len(path) for path in paths} == {24 * HOUR}
    assert paths[0].min() < 0.65 * paths[0][0]
    hold(replay(oracle_chain, crash(*paths)), record_property, 1_959)
