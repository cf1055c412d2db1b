"""Debt at discounted interest, which GHO on Ethereum had until v3.4: valued whole, repaid at less.

The pool values such a debt by scaled units and index and knows no discount, so account data is
exact.  A liquidation call goes by the token's balance, which is smaller by the discount on the
interest since the account last acted.

References: GhoVariableDebtToken.sol of aave/gho-core, ``balanceOf`` and ``getDiscountPercent``;
GenericLogic.sol ``_getUserDebtInBaseCurrency``; LiquidationLogic.sol ``executeLiquidationCall``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from abis.calls import Call
from abis.chain import Chain, Header
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.accrual import balance_raw
from protocols.aave_v3.reserves import ListedReserve
from protocols.aave_v3.stable_debt import Pair
from protocols.liquidation_rules import Rounding
from protocols.snapshot import BaseCurrency

_BALANCE = "balanceOf(address)(uint256)"


def discount_findings(
    chain: Chain,
    listed: Sequence[ListedReserve],
    owed_scaled_raw: Mapping[Pair, int],
    rounding: Rounding,
    base: BaseCurrency,
    block: Header,
) -> Iterator[Finding]:
    """Yield one note a reserve with discounted debt: how much less calls on it repay at ``block``.

    Parameters
    ----------
    chain : Chain
        The connected chain; asked nothing where no token grants discounts.
    listed : sequence of ListedReserve
        The market's reserves.
    owed_scaled_raw : mapping
        (account, place of the reserve) -> scaled debt.
    rounding : Rounding
        How the release rounds a debt's balance.
    base : BaseCurrency
        What prices count in.
    block : Header
        The pinned block.
    """
    for i, r in enumerate(listed):
        debtors = {account: scaled for (account, k), scaled in owed_scaled_raw.items() if k == i}
        if not (r.discounts_debt and debtors):
            continue
        index_ray = r.reserve.variable_borrow_index_ray
        whole_raw = sum(balance_raw(scaled, index_ray, rounding) for scaled in debtors.values())
        calls = [Call(r.reserve.debt_token, _BALANCE, (account,)) for account in debtors]
        yield _finding(r, len(debtors), whole_raw, sum(chain.read(calls, block)), base)


def _finding(
    listed: ListedReserve, debtors: int, whole_raw: int, repaid_raw: int, base: BaseCurrency
) -> Finding:
    reserve, discount_raw = listed.reserve, whole_raw - repaid_raw
    return Finding(
        FindingKind.UNSUPPORTED,
        Severity.MEDIUM if discount_raw else Severity.LOW,
        reserve.symbol or reserve.asset,
        f"The debt token grants discounts on interest: {debtors} accounts owe {whole_raw} raw units, of "
        f"which liquidation calls count {discount_raw} less. Account data is exact, amounts of such calls "
        "are not.",
        value_usd=abs(discount_raw) * reserve.price_raw * base.usd_per_raw / 10**reserve.decimals,
    )
