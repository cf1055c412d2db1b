"""Debts at stable rates: grown by our rules, held to the token's answer and its total."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abis.findings import Finding, FindingKind, Severity
from abis.units import RAY
from protocols.aave_v3.accrual import stable_debt_raw
from protocols.aave_v3.reserves import ListedReserve
from protocols.aave_v3.stable_debt import stable_balances, stable_calls, stable_findings
from protocols.liquidation_rules import DebtAccrual
from protocols.snapshot import Reserve

NOW_S = 1_700_000_000
V2 = DebtAccrual.RATE_PER_SECOND
TOKEN = "0x" + "55" * 20


def listed(total_raw: int, token: str = TOKEN) -> ListedReserve:
    return ListedReserve(Reserve("0xA", "DAI", 18, 1, 0, 0, 0), 0, 0, token if total_raw else "", total_raw)


def test_four_reads_a_debtor() -> None:
    calls = stable_calls([listed(1)], [("0xa", 0), ("0xb", 0)])
    assert [c.args for c in calls] == [("0xa",)] * 4 + [("0xb",)] * 4
    assert {c.target for c in calls} == {TOKEN}


@given(
    principal=st.integers(1, 10**30),
    rate_ray=st.integers(0, RAY),
    elapsed_s=st.integers(0, 5 * 365 * 86_400),
    series=st.sampled_from([DebtAccrual.RATE_PER_SECOND, DebtAccrual.SQUARED_RATE]),
)
def test_aav_17_a_balance_that_follows_the_rules_is_kept_without_a_note(
    principal: int, rate_ray: int, elapsed_s: int, series: DebtAccrual
) -> None:
    """AAV-17: a stable debt grown by the release's own series is kept as it is, without a finding."""
    since_s = NOW_S - elapsed_s
    balance = stable_debt_raw(principal, rate_ray, since_s, NOW_S, series)
    findings: list[Finding] = []
    answers = [principal, rate_ray, since_s, balance]
    owed = stable_balances([listed(1)], [("0xa", 0)], answers, NOW_S, series, findings)
    assert owed == {("0xa", 0): balance}
    assert findings == []


def test_the_tokens_own_balance_wins_over_our_arithmetic_and_no_debt_is_left_out() -> None:
    findings: list[Finding] = []
    answers = [1000, 0, NOW_S - 5, 1001, 0, 0, 0, 0]
    pairs = [("0xa", 0), ("0xb", 0)]
    assert stable_balances([listed(1)], pairs, answers, NOW_S, V2, findings) == {("0xa", 0): 1001}
    (finding,) = findings
    assert (finding.kind, finding.severity, finding.subject) == (
        *(FindingKind.INCONSISTENT, Severity.HIGH),
        "0xa",
    )


@pytest.mark.parametrize(
    ("total_raw", "notes"),
    [
        (100_000, []),
        (100_050, []),
        (99_950, []),
        (100_500, [(FindingKind.MISSING, Severity.MEDIUM)]),
        (110_000, [(FindingKind.MISSING, Severity.HIGH)]),
        (99_000, [(FindingKind.INCONSISTENT, Severity.HIGH)]),
    ],
)
def test_debtors_that_do_not_add_up_are_told_beyond_the_tokens_own_drift(
    total_raw: int, notes: list[tuple[FindingKind, Severity]]
) -> None:
    owed = {("0xa", 1): 60_000, ("0xb", 1): 40_000, ("0xa", 0): 7}
    first, *others = stable_findings([listed(0), listed(total_raw)], owed)
    assert first.message.startswith(f"2 accounts owe {total_raw} raw units at stable rates")
    assert [(f.kind, f.severity) for f in others] == notes
