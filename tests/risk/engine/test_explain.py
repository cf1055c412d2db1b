"""`explain`: the story of one account is what the run of all accounts did to it."""

from __future__ import annotations

import numpy as np
import pytest

import risk
from abis.errors import InputError
from benchmarks.bench_engine import market_of, shocks_of
from protocols.snapshot import Snapshot
from risk.engine.liquidators import Liquidators
from risk.outcome import Outcome
from tests.risk.engine.markets import FREE, Account, market, moves, reserve


def two_accounts(symbol: str = "X") -> Snapshot:
    """Health 1.18 and 2.4 at 2,000 USD."""
    reserves = [reserve(symbol, 2_000, 0.825), reserve("USD", 1.0, 0.8, decimals=6)]
    return market(reserves, [Account({0: 10}, {1: 14_000}), Account({0: 3}, {1: 2_062.5})])


@pytest.mark.parametrize("seed", range(5))
def test_calls_and_loss_are_those_of_the_run(seed: int) -> None:
    snapshot = market_of(seed, 300)
    scenarios = shocks_of(snapshot, seed, 3, times=4)
    outcome = risk.stress(snapshot, scenarios, events=True)
    assert isinstance(outcome, Outcome)
    assert outcome.events is not None
    busiest = outcome.events.groupby(["account", "scenario"], observed=True).size()
    assert not busiest.empty
    account, s = busiest.idxmax()
    told = outcome.explain(account, int(s))
    expected = outcome.events.query("account == @account and scenario == @s")
    for column in ("time_s", "repaid_raw", "seized_raw", "health_before", "loss_excess_usd"):
        np.testing.assert_array_equal(told.calls()[column], expected[column], err_msg=column)
    assert told.frame()["calls"].sum() == len(expected)


def test_the_story_is_told_in_order() -> None:
    snapshot = two_accounts()
    scenarios = moves(snapshot, [[[1.0, 1.0], [0.9, 1.0], [0.8, 1.0], [1.0, 1.0]]])
    told = risk.explain(snapshot, scenarios, "000000", 0, liquidators=FREE)
    lines = repr(told).splitlines()
    assert lines[0] == "Account 000000 in scenario 's0'"
    assert lines[1] == "  holds 10 X ($20,000.00, threshold 82.50%)"
    assert lines[2] == "  owes 14,000 USD ($14,000.00)"
    times = [line.split(":")[0] for line in lines if line.startswith("At ")]
    assert times == ["At 0 s", "At 2 h", "At 3 h", "At the end"]  # nothing happens after one hour
    assert sum(line.startswith("  call: repays") for line in lines) == len(told.calls()) == 1
    assert lines[-1] == "INFINITE DEPTH ASSUMED"
    np.testing.assert_allclose(
        told.frame()["health_oracle"][:3], [16_500 / 14_000 * x for x in (1, 0.9, 0.8)]
    )
    assert told.frame()["collateral X tokens"].iloc[-1] == pytest.approx(10 - 14_000 * 1.05 / 1_600)


def test_nobody_liquidates_what_does_not_pay() -> None:
    snapshot = two_accounts()
    told = risk.explain(snapshot, moves(snapshot, [[0.8, 1.0]]), "000000", "s0", liquidators=Liquidators(1e9))
    assert "nobody liquidates" in repr(told)
    assert told.calls().empty


def test_names_cannot_fake_a_line() -> None:
    snapshot = two_accounts("X\nAt the end: all is well")
    text = repr(risk.explain(snapshot, moves(snapshot, [[0.8, 1.0]]), "000000", 0))
    assert sum(line.startswith("At the end") for line in text.splitlines()) == 1


@pytest.mark.parametrize(
    ("account", "scenario"), [("nobody", 0), ("000000", "s9"), ("000000", 5), ("000000", -1)]
)
def test_unknown_names_are_refused(account: str, scenario: str | int) -> None:
    snapshot = two_accounts()
    with pytest.raises(InputError, match=str(scenario) if account != "nobody" else account):
        risk.stress(snapshot, moves(snapshot, [[0.8, 1.0]])).explain(account, scenario)
