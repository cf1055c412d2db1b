"""A small hand-made market for tests: seven reserves, four accounts, one e-mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from protocols.change_rules import ChangeRule, ChangeRules, StepKind
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, EMode, Market, Reserve, Snapshot

DAY_S = 86_400
NOW_S = 1_760_000_000
USD = 10**8


def reserve(number: int, symbol: str, decimals: int, price: float, ltv: int, lt: int, bonus: int) -> Reserve:
    return Reserve(
        asset=f"0x{number + 1:040d}",
        symbol=symbol,
        decimals=decimals,
        price_raw=round(price * USD),
        ltv_bps=ltv,
        liquidation_threshold_bps=lt,
        liquidation_bonus_bps=bonus,
        supply_cap_tokens=1_000_000,
        total_supply_raw=400_000 * 10**decimals,
        total_debt_raw=100_000 * 10**decimals,
        available_liquidity_raw=300_000 * 10**decimals,
        id=number,
    )


RESERVES = (
    reserve(0, "WETH", 18, 2500, 8050, 8300, 10500),
    reserve(1, "wstETH", 18, 3000, 7850, 8100, 10600),
    reserve(2, "WBTC", 8, 60000, 7300, 7800, 10500),
    reserve(3, "cbBTC", 8, 60000, 7300, 7800, 10750),
    reserve(4, "USDC", 6, 1, 7500, 7800, 10450),
    reserve(5, "LINK", 18, 15, 6600, 7100, 10700),
    reserve(6, "GHO", 18, 1, 0, 0, 0),
)
EMODES = (EMode(1, "ETH correlated", 9300, 9500, 10100, collateral=(0, 1), borrowable=(0,)),)
CHANGES = ChangeRules(
    (
        ChangeRule("ltv_bps", "*", 1, StepKind.ABSOLUTE, 50, 3 * DAY_S, NOW_S - DAY_S, "documented default"),
        ChangeRule(
            "liquidation_threshold_bps", "*", 1, StepKind.ABSOLUTE, 50, 3 * DAY_S, None, "documented default"
        ),
        ChangeRule(
            "emode_liquidation_threshold_bps",
            "*",
            1,
            StepKind.ABSOLUTE,
            10,
            3 * DAY_S,
            None,
            "documented default",
        ),
        ChangeRule(
            "supply_cap_tokens", "*", 1, StepKind.RELATIVE, 10_000, 3 * DAY_S, None, "documented default"
        ),
    )
)
# (account, emode, {reserve: whole tokens supplied}, {reserve: whole tokens owed})
POSITIONS = (
    ("0xa1", 0, {0: 100}, {4: 195_000}),  # health 1.0641
    ("0xa2", 1, {1: 100}, {0: 110}),  # e-mode, health 1.0364
    ("0xa3", 0, {2: 10, 5: 1_000}, {4: 300_000, 6: 20_000}),
    ("0xa4", 0, {4: 1_000_000}, {0: 100}),
)


def market(
    positions: Sequence[tuple[str, int, dict[int, float], dict[int, float]]] = POSITIONS,
    reserves: Sequence[Reserve] = RESERVES,
) -> Snapshot:
    """Return a snapshot of ``positions``."""
    collateral, debt = [], []
    for account, emode, supplied, owed in positions:
        for i, tokens in supplied.items():
            r, raw = reserves[i], round(tokens * 10 ** reserves[i].decimals)
            source = EMODES[0] if emode and i in EMODES[0].collateral else r
            collateral.append(
                CollateralEntry(
                    account=account,
                    reserve=i,
                    amount_raw=raw,
                    scaled_raw=raw,
                    threshold_bps=source.liquidation_threshold_bps,
                    ltv_bps=source.ltv_bps,
                    bonus_bps=source.liquidation_bonus_bps,
                    counted=r.liquidation_threshold_bps > 0,
                )
            )
        for i, tokens in owed.items():
            raw = round(tokens * 10 ** reserves[i].decimals)
            debt.append(DebtEntry(account, i, raw, raw))
    return Snapshot(
        market=Market("test market", "aave_v3", "3.5", 1),
        block=Block(23_000_000, "0x" + "11" * 32, NOW_S),
        base=BaseCurrency("USD", USD, Decimal(1)),
        rules=rules_of("aave", "3.5"),
        change_rules=CHANGES,
        reserves=tuple(reserves),
        emodes=EMODES,
        book=book_of({p[0]: p[1] for p in positions}, collateral, debt),
    )


def renamed(symbols: dict[int, str]) -> Snapshot:
    """Return the market with other symbols."""
    return market(reserves=[replace(r, symbol=symbols.get(i, r.symbol)) for i, r in enumerate(RESERVES)])
