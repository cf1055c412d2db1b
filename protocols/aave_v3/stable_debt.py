"""Debt at stable rates, which Aave had until v3.1: each account's grows at a rate of its own.

References: StableDebtToken.sol ``balanceOf`` and ``_calcTotalSupply``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from abis.calls import Call
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.accrual import stable_debt_raw
from protocols.aave_v3.reserves import ListedReserve
from protocols.liquidation_rules import DebtAccrual

Pair = tuple[str, int]  # account, place of the reserve

_GETTERS = (
    "principalBalanceOf(address)(uint256)",
    "getUserStableRate(address)(uint256)",
    "getUserLastUpdated(address)(uint40)",
    "balanceOf(address)(uint256)",
)
# The token accrues its total at the average rate and each debt at its own; the two drift
# apart by little.  Beyond this share of the total somebody is missing.
_DRIFT = 1e-3
_GRAVE = 1e-2


def stable_calls(listed: Sequence[ListedReserve], pairs: Sequence[Pair]) -> list[Call]:
    """Return the reads `stable_balances` takes, four a pair."""
    return [
        Call(listed[i].stable_debt_token, getter, (account,)) for account, i in pairs for getter in _GETTERS
    ]


def stable_balances(
    listed: Sequence[ListedReserve],
    pairs: Sequence[Pair],
    answers: Sequence[Any],
    at_s: int,
    series: DebtAccrual,
    findings: list[Finding],
) -> dict[Pair, int]:
    """Return what each account owes at ``at_s``, smallest units; debts of 0 are left out.

    Parameters
    ----------
    listed : sequence of ListedReserve
        The market's reserves.
    pairs : sequence of (str, int)
        Accounts and places of reserves.
    answers : sequence
        Of `stable_calls`, in its order.
    at_s : int
        Time of the block that was read.
    series : DebtAccrual
        How the release compounds.
    findings : list
        Receives a note where the token itself says another balance; that one is kept.
    """
    width = len(_GETTERS)
    owed = {}
    for k, (account, i) in enumerate(pairs):
        principal, rate, since_s, balance = answers[k * width : (k + 1) * width]
        if principal and stable_debt_raw(principal, rate, since_s, at_s, series) != balance:
            findings.append(_other_interest(account, listed[i], principal, balance))
        if balance:
            owed[account, i] = balance
    return owed


def stable_findings(listed: Sequence[ListedReserve], owed: Mapping[Pair, int]) -> Iterator[Finding]:
    """Yield one note a reserve with stable-rate debt, and one where debtors are missing."""
    for i, r in enumerate(listed):
        if not r.stable_debt_token:
            continue
        amounts = [amount for (_, k), amount in owed.items() if k == i]
        yield Finding(
            FindingKind.UNSUPPORTED,
            Severity.MEDIUM,
            r.reserve.symbol or r.reserve.asset,
            f"{len(amounts)} accounts owe {r.stable_debt_raw} raw units at stable rates: counted as of this "
            "block, exact at it, and not accrued to later times.",
        )
        gap = (r.stable_debt_raw - sum(amounts)) / r.stable_debt_raw
        if abs(gap) > _DRIFT:
            yield _gap(r, sum(amounts), gap)


def _gap(listed: ListedReserve, found_raw: int, gap: float) -> Finding:
    more = gap < 0
    return Finding(
        FindingKind.INCONSISTENT if more else FindingKind.MISSING,
        Severity.HIGH if abs(gap) >= _GRAVE else Severity.MEDIUM,
        listed.reserve.symbol or listed.reserve.asset,
        f"The accounts found owe {found_raw} of {listed.stable_debt_raw} raw units at stable rates: "
        f"{abs(gap):.4%} {'too much' if more else 'missing'}; the token's own rounding explains "
        f"{_DRIFT:.1%} at most.",
        remedy="Read with --no-cache, from an earlier first block, or from a node that serves all logs.",
    )


def _other_interest(account: str, listed: ListedReserve, principal: int, balance: int) -> Finding:
    return Finding(
        FindingKind.INCONSISTENT,
        Severity.HIGH,
        account,
        f"A debt of {principal} raw units of {listed.reserve.symbol or listed.reserve.asset} at a stable "
        f"rate has grown to {balance}: its interest follows other rules than assumed.",
    )
