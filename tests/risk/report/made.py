"""A hand-made market of six reserves and 30 accounts, and outcomes counted from it by hand.

The outcome here is a plain count (who is below 1 at the shocked prices, half of the debt
repaid), so that writers are tested without the engine.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import numpy as np

from abis.findings import Finding, FindingKind, Severity
from protocols.change_rules import ChangeRules
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.releases import rules_of
from protocols.snapshot import (
    BaseCurrency,
    Block,
    Completeness,
    EMode,
    Feed,
    Market,
    Reserve,
    Snapshot,
)
from risk.outcome import LEDGER, Outcome
from risk.scenarios.scenarios import Scenarios

BLOCK_TIME_S = 1_773_141_600  # 2026-03-10 11:20 UTC

# symbol, decimals, price USD, LTV, LT, bonus, supply cap, borrow cap, feed, age of its answer
_RESERVES = (
    ("WETH", 18, "2000", 8050, 8300, 10500, 60_000, 40_000, "ETH / USD", 600),
    ("wstETH", 18, "2440", 7850, 8100, 10600, 20_000, 2_000, "Capped wstETH / stETH(ETH) / USD", 600),
    ("WBTC", 8, "70000", 7300, 7800, 10500, 500, 100, "BTC / USD", 5_400),
    ("USDC", 6, "1", 7500, 7800, 10450, 60_000_000, 55_000_000, "USDC / USD", 40_000),
    ("GHO", 18, "0.9991", 0, 0, 0, 0, 20_000_000, "GHO fixed price", 0),
    ("LINK", 18, "14.5", 6600, 7100, 10700, 1_000_000, 300_000, "LINK / USD", 900),
)
WETH, WSTETH, WBTC, USDC, GHO, LINK = range(6)
_EMODE = (1, "ETH correlated", 9350, 9550, 10100)


def address(number: int) -> str:
    """Return a 20-byte address made of ``number``."""
    return f"0x{number:040x}"


def market(symbols: tuple[str, ...] | None = None, emode_label: str | None = None) -> Snapshot:
    """Return the market; ``symbols`` and ``emode_label`` replace the names (hostile ones in tests)."""
    emode = EMode(
        _EMODE[0], emode_label or _EMODE[1], *_EMODE[2:], collateral=(WETH, WSTETH), borrowable=(WETH,)
    )
    accounts, collateral, debt = _entries()
    book = book_of(accounts, collateral, debt)
    reserves = tuple(
        _reserve(i, row, symbols[i] if symbols else row[0], collateral, debt)
        for i, row in enumerate(_RESERVES)
    )
    return Snapshot(
        market=Market(
            "made-v3",
            "aave_v3",
            "3.5",
            1,
            MappingProxyType({"pool": address(0xAAAA), "oracle": address(0xBBBB)}),
        ),
        block=Block(24_000_000, "0x" + "ab" * 32, BLOCK_TIME_S),
        base=BaseCurrency("USD", 10**8, Decimal(1)),
        rules=rules_of("aave", "3.5"),
        change_rules=ChangeRules(),
        reserves=reserves,
        emodes=(emode,),
        book=book,
        completeness=_completeness(collateral, debt, reserves),
        findings=(
            Finding(
                FindingKind.UNVERIFIED,
                Severity.LOW,
                reserves[WSTETH].symbol,
                f"the source of {reserves[WSTETH].symbol} is a capped adapter whose cap was not read.",
            ),
        ),
    )


def _reserve(i, row, symbol, collateral, debt) -> Reserve:  # type: ignore[no-untyped-def]
    _, decimals, price, ltv, threshold, bonus, supply_cap, borrow_cap, feed, age_s = row
    owed = sum(e.amount_raw for e in debt if e.reserve == i)
    supplied = sum(e.amount_raw for e in collateral if e.reserve == i)
    price_raw = int(Decimal(price) * 10**8)
    return Reserve(
        asset=address(0xC000 + i),
        symbol=symbol,
        decimals=decimals,
        price_raw=price_raw,
        ltv_bps=ltv,
        liquidation_threshold_bps=threshold,
        liquidation_bonus_bps=bonus,
        liquidation_protocol_fee_bps=1000 if threshold else 0,
        reserve_factor_bps=1000,
        supply_cap_tokens=supply_cap,
        borrow_cap_tokens=borrow_cap,
        emode_category=1 if i in (WETH, WSTETH) else 0,
        total_supply_raw=supplied,
        total_debt_raw=owed,
        available_liquidity_raw=max(supplied - owed, 0),
        deficit_raw=1_250 * 10**decimals if i == USDC else 0,
        id=i,
        feed=Feed(address(0xFEED00 + i), feed, 8, price_raw, BLOCK_TIME_S - age_s if age_s else 0),
    )


def _entries() -> tuple[dict[str, int], list[CollateralEntry], list[DebtEntry]]:
    """30 accounts: 2 suppliers, 4 loopers, 20 ladder borrowers, 3 special ones, one idle."""
    emode_of: dict[str, int] = {}
    collateral: list[CollateralEntry] = []
    debt: list[DebtEntry] = []

    def supply(account: str, i: int, tokens: float, *, counted: bool = True, emode: bool = False) -> None:
        _, decimals, _, ltv, threshold, bonus, *_ = _RESERVES[i]
        raw = int(Decimal(str(tokens)) * 10**decimals)
        values = _EMODE[2:] if emode else (ltv, threshold, bonus)
        collateral.append(
            CollateralEntry(account, i, raw, raw, values[1], values[0], values[2], counted and threshold > 0)
        )

    def borrow(account: str, i: int, tokens: float) -> None:
        raw = int(Decimal(str(tokens)) * 10 ** _RESERVES[i][1])
        debt.append(DebtEntry(account, i, raw, raw))

    names = [address(0x1000 + 7 * k) for k in range(30)]
    for name in names:
        emode_of[name] = 0
    supply(names[0], USDC, 30_000_000, counted=False)
    supply(names[1], WETH, 20_000, counted=False)
    for k in range(4):  # loopers of wstETH against WETH: health factors 1.02, 1.03, ...
        name, tokens = names[2 + k], 1_000 * (k + 1)
        emode_of[name] = 1
        supply(name, WSTETH, tokens, emode=True)
        borrow(name, WETH, round(tokens * 1.22 * 0.955 / (1.02 + 0.01 * k), 3))
    for k in range(20):  # ladder of ETH borrowers: health factors 1.04 .. 2.6
        name, tokens = names[6 + k], 50.0 * (k + 1)
        supply(name, WETH, tokens)
        borrow(name, USDC, round(tokens * 2000 * 0.83 / (1.04 + 0.08 * k), 2))
    supply(names[26], WBTC, 120)  # the whale
    supply(names[26], LINK, 100_000)
    borrow(names[26], USDC, 5_000_000)
    borrow(names[26], GHO, 400_000)
    supply(names[27], LINK, 10_000)  # liquidatable now
    borrow(names[27], USDC, 104_000)
    supply(names[28], LINK, 1_000)  # under water now
    borrow(names[28], USDC, 16_000)
    supply(names[29], USDC, 4)
    return emode_of, collateral, debt


def _completeness(collateral, debt, reserves):  # type: ignore[no-untyped-def]
    rows = []
    for i, reserve in enumerate(reserves):
        for side, entries in (("supply", collateral), ("debt", debt)):
            found = sum(e.scaled_raw for e in entries if e.reserve == i)
            missing = found // 500 if (i, side) == (LINK, "supply") else 0
            usd = missing / 10**reserve.decimals * reserve.price_raw / 1e8
            rows.append(Completeness(i, side, found, found + missing, usd))
    return tuple(rows)


def counted_outcome(snapshot: Snapshot, scenarios: Scenarios, *, infinite_depth: bool = True) -> Outcome:
    """Return a plain count: below 1 at the shocked price is liquidatable, half of it is repaid."""
    n, n_assets, n_modes = len(scenarios), len(snapshot.reserves), 1 + len(snapshot.emodes)
    wide = {
        name: np.zeros((n, n_assets))
        for name in (
            "eligible_debt_usd",
            "eligible_collateral_usd",
            "repaid_usd",
            "seized_usd",
            "bad_debt_usd",
            "deficit_usd",
            "avoidable_loss_usd",
            "toxic_usd",
            "sold_tokens",
        )
    }
    accounts = np.zeros(n, dtype=np.int64)
    for block in scenarios.blocks():
        for k in range(len(block)):
            factor = block.market_price_usd[k, 0, 0] / np.where(snapshot.price_usd > 0, snapshot.price_usd, 1)
            accounts[block.start + k] = _count(
                snapshot, factor, {m: v[block.start + k] for m, v in wide.items()}
            )
    loss = wide["avoidable_loss_usd"].sum(axis=1)
    zeros = np.zeros(n)
    return Outcome(
        names=scenarios.names,
        groups=scenarios.groups,
        weight=scenarios.weight,
        assets=snapshot.asset_names,
        emodes=("none", *(e.label for e in snapshot.emodes)),
        eligible_accounts=accounts,
        liquidated_accounts=accounts,
        **wide,
        **{f"{name}_emode_usd": outside(wide[f"{name}_usd"], n_modes) for name in LEDGER},
        loss_dislocation_usd=zeros,
        loss_excess_usd=loss * 0.75,
        loss_bonus_usd=loss * 0.25,
        over_liquidated_usd=zeros,
        under_liquidation_usd_hours=zeros,
        unprofitable_debt_usd=zeros,
        liquidator_profit_usd=wide["repaid_usd"].sum(axis=1) * 0.02,
        infinite_depth=infinite_depth,
        first_liquidation_s=np.where(accounts > 0, 0.0, np.inf),
    )


def outside(wide: np.ndarray, n_modes: int) -> np.ndarray:
    """Return amounts (S, A) per e-mode row (S, E), all of it in the row outside every category."""
    by_mode = np.zeros((len(wide), n_modes))
    by_mode[:, 0] = wide.sum(axis=1)
    return by_mode


def _count(snapshot, factor, row) -> int:  # type: ignore[no-untyped-def]
    c, d, n = snapshot.book.collateral, snapshot.book.debt, len(snapshot.book)
    value = snapshot.collateral_usd * factor[c.reserve] * c.counted
    owed = snapshot.debt_usd * factor[d.reserve]
    debt = np.bincount(d.account, owed, minlength=n)
    total = np.bincount(c.account, value, minlength=n)
    below = (debt > 0) & (np.bincount(c.account, value * c.threshold_bps / 1e4, minlength=n) < debt)
    np.add.at(row["eligible_debt_usd"], d.reserve, owed * below[d.account])
    np.add.at(row["eligible_collateral_usd"], c.reserve, value * below[c.account])
    row["repaid_usd"] += row["eligible_debt_usd"] / 2
    scale = np.where(total > 0, np.minimum(debt * 0.525 / np.maximum(total, 1e-9), 1), 0)
    np.add.at(row["seized_usd"], c.reserve, value * (below * scale)[c.account])
    gap = np.where(below, np.maximum(debt - total / 1.05, 0), 0)
    np.add.at(row["bad_debt_usd"], d.reserve, owed * (gap / np.maximum(debt, 1e-9))[d.account])
    row["avoidable_loss_usd"] += row["seized_usd"] * 0.04
    row["toxic_usd"] += row["seized_usd"] * (row["bad_debt_usd"].sum() > 0)
    row["sold_tokens"] += row["seized_usd"] / np.where(snapshot.price_usd > 0, snapshot.price_usd, 1)
    return int(below.sum())


def renamed(snapshot: Snapshot, **changes: object) -> Snapshot:
    """Return the snapshot with fields replaced."""
    return replace(snapshot, **changes)
