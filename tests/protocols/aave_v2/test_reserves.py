"""What v2 lays out differently, what stops its liquidations, and tokens with other rules."""

from __future__ import annotations

from dataclasses import replace

from eth_utils.address import to_checksum_address

from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v2.addresses import Addresses
from protocols.aave_v2.reserves import V2_LAYOUT, Pauses, check_totals, read_pauses, with_pauses
from protocols.aave_v3.reserves import V3_LAYOUT, ListedReserve, Stored
from protocols.snapshot import Reserve
from tests.protocols.aave_v2.contracts import Answers, run, word

POOL, MANAGER, SENTINEL, A_TOKEN, DEBT, ASSET = (
    str(to_checksum_address(f"0x{k:040x}")) for k in range(0x31, 0x37)
)
ADDRESSES = Addresses(POOL, POOL, POOL, collateral_manager=MANAGER)
LISTED = ListedReserve(
    reserve=Reserve(
        ASSET,
        "AMPL",
        9,
        1,
        0,
        0,
        0,
        total_supply_raw=500,
        total_debt_raw=70,
        a_token=A_TOKEN,
        debt_token=DEBT,
    ),
    scaled_supply_raw=400,
    scaled_debt_raw=50,
    stable_debt_token="",
    stable_debt_raw=10,
)


def test_both_layouts_name_every_word_a_reserve_needs_once() -> None:
    needed = set(Stored.__slots__)
    for layout, absent in ((V2_LAYOUT, {"accrued_to_treasury_scaled_raw"}), (V3_LAYOUT, set())):
        named = [name for name in layout.words if name]
        assert sorted(named) == sorted(needed - absent)
        assert layout.reserve_data.count(",") + 1 == len(layout.words)


def test_pause_and_grace_come_from_pool_and_manager() -> None:
    assert run(read_pauses(ADDRESSES, (ASSET, POOL)), {}) == Pauses(False, (0, 0))
    paused: Answers = {(POOL, "paused()"): word(1)}
    assert run(read_pauses(replace(ADDRESSES, collateral_manager=""), (ASSET,)), paused) == Pauses(True, (0,))
    answers = paused | {
        (MANAGER, "LIQUIDATIONS_GRACE_SENTINEL()"): word(SENTINEL),
        (SENTINEL, "gracePeriodUntil(address)"): word(1_700_000_123),
    }
    found = run(read_pauses(ADDRESSES, (ASSET, POOL)), answers)
    assert found == Pauses(True, (1_700_000_123,) * 2)
    (listed,) = with_pauses([LISTED], Pauses(True, (7,)))
    assert (listed.reserve.paused, listed.reserve.liquidation_grace_until_s) == (True, 7)
    assert listed.scaled_supply_raw == LISTED.scaled_supply_raw


def test_a_token_whose_total_is_not_scaled_times_index_is_noticed() -> None:
    totals: Answers = {(A_TOKEN, "totalSupply()"): word(500), (DEBT, "totalSupply()"): word(60)}
    findings: list[Finding] = []
    run(check_totals([LISTED], findings), totals)
    assert findings == []
    totals[A_TOKEN, "totalSupply()"] = word(501)
    run(check_totals([LISTED], findings), totals)
    (finding,) = findings
    assert (finding.kind, finding.severity, finding.subject) == (
        *(FindingKind.INCONSISTENT, Severity.HIGH),
        "AMPL",
    )
    assert A_TOKEN in finding.message
