"""10 March 2026: a change of Aave's wstETH cap prices it 2.85 % below its ratio."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.import_lido_accounts import EMODES, RESERVES, STEM, convert_v3
from examples.incidents.market import RAW, Account, Asset, Effects, effects, market_of
from examples.incidents.record import NO_DATA, Incident, Row, data_folder, one
from oracles.caps import CapParameters, RatioCap
from oracles.facts import feed_for
from oracles.graph import Node, OracleGraph
from oracles.levels import Level
from oracles.sources import FeedSource
from oracles.update_safety import SafetyReport, check_update
from oracles.update_safety_file import CapQuestion, cap_question, read_tables
from protocols.files.market import facts_from, read_market_file
from protocols.from_file import build
from protocols.snapshot import Snapshot
from risk.audit.liquidatable import Repriced, repriced

FILE = Path(__file__).with_name("wsteth_cap_2026_03_10.toml")
BOOK = (*(STEM.format(release="v3", table=table) for table in ("accounts", "legs")), RESERVES, EMODES)
ETH_USD = 2_000.0  # cancels out: debts are in ETH
THRESHOLD_BPS, BONUS_BPS, FEE_BPS = 9_500, 100, 1_000  # e-mode "ETH correlated" of Aave v3 Ethereum
HEALTHS = np.linspace(1.001, 1.080, 80)
SEIZED = 10_938.0
PUBLISHED_RATIO, PUBLISHED_BELOW, PUBLISHED_LOSS_ETH, PUBLISHED_FEE_ETH = 1.1939, 2.85, 512.0, 13.0


@dataclass(frozen=True, slots=True)
class Cap:
    """The change as checked, and what it does to a book of loops."""

    question: CapQuestion
    report: SafetyReport
    price_before_raw: int
    price_after_raw: int
    named: Repriced
    harm: Effects


def cap() -> Cap:
    """Check the change as the command does, price wstETH through the graph, and liquidate a book."""
    question = cap_question(read_tables(FILE), FILE.parent)
    report = check_update(
        question.adapter,
        question.setter,
        question.market,
        question.limit,
        proposed=question.proposed,
        history=question.history,
        last_set_s=question.last_set_s,
    )
    before, after = _price(question, changed=False), _price(question, changed=True)
    book = _book(before / RAW, question.market.now_s)
    eth = round(ETH_USD * RAW)
    fair = [question.market.market_raw / 1e18 * ETH_USD, ETH_USD]
    return Cap(
        question,
        report,
        before,
        after,
        repriced(book, "wstETH", after),
        effects(book, [after, eth], fair, fair),
    )


def replay() -> Incident:
    """Return the price, what it costs, whom it liquidates, and what the rules permit besides."""
    seen = cap()
    change, worst, harm = seen.report.change, seen.report.worst, seen.harm
    if change is None or worst is None:
        raise AssertionError("the file proposes a change and its setter's rules permit unsafe ones")
    share = SEIZED / harm.seized_tokens
    named, real = len(seen.named.rows), _real_accounts(change.below_now_bps, worst.below_bps)
    told = NO_DATA if real[0] is None else "334 accounts of lidofinance/aave-liquidation-model"
    return Incident(
        date="2026-03-10",
        title="Aave, cap on wstETH",
        source="governance.aave.com t/24269, t/24275; AaveCapoAgent.sol of aave-risk-agents; Aave pool "
        "report of July 2025 (e-mode)",
        lesson="The snapshot's time was moved forward by two years, its ratio by the 3 % the agent may. "
        "`breakwater oracle check-update` refuses that change and shows that the agent's rules permit it.",
        rows=(
            Row(
                "capped ratio",
                one(PUBLISHED_RATIO),
                change.effective_raw / 1e18,
                "",
                str(change.effective_raw),
            ),
            Row("price below market", one(PUBLISHED_BELOW), change.below_now_bps / 100, "%"),
            Row("reasons to refuse it", None, len(change.reasons), "", "; ".join(change.reasons)),
            Row(
                "furthest below market the rules permit",
                None,
                worst.below_bps / 100,
                "%",
                "within the days looked ahead",
            ),
            Row(
                f"borrowers' loss on {SEIZED:,.0f} wstETH",
                one(PUBLISHED_LOSS_ETH),
                harm.loss_usd / ETH_USD * share,
                "ETH",
                "382.8 by the price and 129.7 by the bonus on record",
            ),
            Row(
                f"protocol's fee on {SEIZED:,.0f} wstETH",
                one(PUBLISHED_FEE_ETH),
                (harm.seized_tokens - harm.sold_tokens) * share * change.effective_raw / 1e18,
                "ETH",
            ),
            Row("bad debt", one(0), harm.bad_debt_usd, "USD"),
            Row(
                f"accounts that fall below 1, of {len(HEALTHS)} loops",
                None,
                named,
                "",
                "34 on record; healths from 1.001 to 1.080, one in a thousand",
            ),
            Row("accounts that would, in a real book of June 2023", None, real[0], "", told),
            Row("the same, by the furthest change the rules permit", None, real[1], "", told),
        ),
        assumed="The book of that day is not at hand: loss and fee are ours a token times the tokens on "
        "record. That the growth was lowered to 875 bps is inferred from the published 2.85 %.",
    )


def _price(question: CapQuestion, *, changed: bool) -> int:
    """Return what the contract reads for wstETH, eight decimals, before or after the change."""
    values = question.proposed if changed and question.proposed is not None else question.adapter.stored
    ratio = Node("ratio", Level(18, question.market.ratio_raw))
    eth = Node("ETH/USD", FeedSource(feed_for("ETH / USD", 8), 1))
    line = CapParameters(values.ratio_raw, values.at_s, values.growth_bps)
    capped = Node("wstETH", RatioCap(8, 18, line), ("ETH/USD", "ratio"))
    graph = OracleGraph(
        ("wstETH", "WETH"), (ratio, eth, capped), ("wstETH", "ETH/USD"), question.market.now_s
    )
    market = np.array([[[ETH_USD * question.market.market_raw / 1e18, ETH_USD]]])
    return int(graph.propagate([0.0], market)[0, 0, 0])


def _book(price_usd: float, now_s: int) -> Snapshot:
    accounts = [
        Account(f"loop {k}", (0, 100.0), (1, 100.0 * price_usd / ETH_USD * THRESHOLD_BPS / 1e4 / health))
        for k, health in enumerate(HEALTHS.tolist())
    ]
    assets = [Asset("wstETH", price_usd, THRESHOLD_BPS, BONUS_BPS, FEE_BPS), Asset("WETH", ETH_USD)]
    return market_of(assets, accounts, now_s)


def _real_accounts(*below_bps: float) -> list[int | None]:
    """Return how many accounts of a published book a price so far below market makes liquidatable."""
    folder = data_folder()
    if folder is None:
        return [None for _ in below_bps]
    with tempfile.TemporaryDirectory() as out:
        convert_v3(folder, Path(out))
        files = sorted(Path(out).glob("*.csv"))
        book = build(files, facts_from(read_market_file(Path(out) / "market.toml")))
    price = book.reserves[book.asset_index("wstETH")].price_raw
    return [len(repriced(book, "wstETH", int(price * (1 - below / 1e4))).rows) for below in below_bps]
