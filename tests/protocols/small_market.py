"""A hand-made market of three accounts and two reserves, and the pieces to change it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from protocols.change_rules import ChangeRules
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, Book, Market, Reserve, Snapshot

WETH = Reserve("0x" + "1" * 40, "WETH", 18, 2000 * 10**8, 8000, 8250, 10500)
USDC = Reserve("0x" + "2" * 40, "USDC", 6, 10**8, 7500, 7800, 10450)
HUGE = 2**255


def entry(account: str, reserve: int, amount: int, **more: Any) -> CollateralEntry:
    values = {"threshold_bps": 8250, "ltv_bps": 8000, "bonus_bps": 10500, "counted": True, **more}
    return CollateralEntry(account, reserve, amount, amount, **values)


def market(*reserves: Reserve, book: Book | None = None, base: BaseCurrency | None = None) -> Snapshot:
    return Snapshot(
        market=Market("m", "aave_v3", "3.3", 1),
        block=Block(1, "0x", 1),
        base=base or BaseCurrency("USD", 10**8, Decimal(1)),
        rules=rules_of("aave", "3.3"),
        change_rules=ChangeRules(),
        reserves=reserves or (WETH, USDC),
        emodes=(),
        book=book
        or book_of(
            {"a": 0, "b": 1, "c": 0},
            [entry("c", 1, 5 * 10**6), entry("a", 0, 10**18), entry("c", 0, HUGE, counted=False)],
            [DebtEntry("c", 1, 250_000, 240_000)],
        ),
    )
