"""What a trace tells an audit: how prices are made, caps, legs; nothing that was assumed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from abis.errors import InputError, MalformedFile
from oracles.feed_audit import Making, Result
from oracles.headroom import Growth
from oracles.trace_settings import settings_of
from oracles.traced import Kind, Trace, TracedFeed, TracedPrice
from protocols.snapshot import Snapshot
from protocols.store import save
from risk.audit.audit import audit
from risk.audit.trace_file import merged, trace_facts
from risk.cli.main import main
from risk.cli.oracle_trace_json import trace_json
from tests.oracles.test_trace_graph import NOW_S, WAD, chainlink, provider, ratio_cap, stable_cap
from tests.risk.markets import market

CHAIN, BLOCK = 1, 23_000_000


@pytest.fixture
def taken() -> Snapshot:
    return market()


def trees() -> dict[str, TracedFeed]:
    eth, dollar = chainlink(1, "ETH / USD", 3_000 * 10**8), chainlink(2, "USDC / USD", 104_500_000)
    return {
        "WETH": eth,
        "wstETH": ratio_cap(3, eth, provider(4, 2 * WAD)),
        "USDC": stable_cap(5, dollar),
        "LINK": TracedFeed("0x" + "6" * 40, Kind.OPAQUE, "", None, 1),
        "GHO": TracedFeed("0x" + "7" * 40, Kind.FIXED, "", 8, 10**8),
        "WBTC": chainlink(8, "Some / Thing", 1),
    }


@pytest.fixture
def file(taken: Snapshot, tmp_path: Path) -> Path:
    prices = tuple(
        TracedPrice(taken.reserves[taken.asset_index(name)].asset, name, 1, tree)
        for name, tree in trees().items()
    )
    trace = Trace(CHAIN, BLOCK, "0x00", NOW_S, "0x" + "9" * 40, prices)
    cap = trees()["wstETH"].address
    text = trace_json({}, trace, {cap: Growth(1.0, NOW_S - 1, NOW_S)}, settings_of(trace, {}))
    (tmp_path / "trace.json").write_text(text, encoding="utf-8")
    return tmp_path / "trace.json"


def test_each_price_is_made_as_traced(taken: Snapshot, file: Path) -> None:
    facts = trace_facts(file, taken)
    assert {name: f.get("making") for name, f in facts.items()} == {
        "WETH": Making.FEED,
        "wstETH": Making.RATIO_CAP,
        "USDC": Making.STABLE_CAP,
        "LINK": None,  # not recognised: nothing is said of it
        "GHO": Making.FIXED,
        "WBTC": Making.FEED,
    }
    cap = facts["wstETH"]["ratio_cap"]
    assert (cap.ratio_raw, cap.ratio_growth_bps, cap.adapter.max_term_s) == (2 * WAD, 10_000, None)
    assert (cap.adapter.stored.ratio_raw, cap.adapter.stored.growth_bps) == (2 * WAD, 1_000)
    stable = facts["USDC"]["stable_cap"]
    assert (stable.cap_raw, stable.feed_raw) == (104_000_000, 104_500_000)
    (leg,) = facts["WETH"]["legs"]
    assert leg["max_answer_raw"] == 10**30
    assert (leg["heartbeat_s"], leg["settings_from"]) == (3_600, "configured")


def test_what_was_assumed_stays_not_known(taken: Snapshot, file: Path) -> None:
    (leg,) = trace_facts(file, taken)["WBTC"]["legs"]
    assert {"heartbeat_s", "deviation_bps", "settings_from"}.isdisjoint(leg)


def test_the_audit_finds_what_the_trace_shows(taken: Snapshot, file: Path) -> None:
    report = audit(taken, traced=trace_facts(file, taken))
    result = {(c.asset, c.name): c for c in report.checks}
    assert "nearly capped" in result["wstETH", "capped"].evidence
    assert result["USDC", "hidden upside"].result is Result.FOUND
    assert result["GHO", "fixed price"].result is Result.FOUND
    assert result["LINK", "capped"].result is Result.NOT_KNOWN
    assert result["WETH", "min/max answer"].result is Result.FINE


def test_what_a_file_states_wins_over_the_trace_field_by_field() -> None:
    traced = {"making": Making.FEED, "legs": ({"description": "a", "heartbeat_s": 1.0}, {"description": "b"})}
    stated = {"making": Making.FIXED, "legs": ({"heartbeat_s": 2.0},)}
    both = merged(traced, stated)
    assert both["making"] is Making.FIXED
    assert both["legs"] == ({"description": "a", "heartbeat_s": 2.0}, {"description": "b"})
    assert merged({}, {}) == {}


@pytest.mark.parametrize("key", ["chain_id", "block_number"])
def test_a_trace_of_another_block_is_refused(taken: Snapshot, file: Path, key: str) -> None:
    body = json.loads(file.read_text(encoding="utf-8"))
    body["data"][key] += 1
    file.write_text(json.dumps(body), encoding="utf-8")
    with pytest.raises(InputError, match="the snapshot of 1 at 23000000"):
        trace_facts(file, taken)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": "other/1", "data": {}}',
        '{"schema": "breakwater.oracle-trace/1", "data": 3}',
    ],
)
def test_what_is_no_trace_is_bad_input(taken: Snapshot, file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MalformedFile):
        trace_facts(file, taken)
    with pytest.raises(MalformedFile):
        trace_facts(file.with_name("missing.json"), taken)


def test_the_command_takes_a_trace_and_names_its_hash(
    taken: Snapshot, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(taken, file.with_name("snap"))
    with pytest.raises(SystemExit) as stop:
        main(["oracle", "audit", str(file.with_name("snap")), "--trace", str(file), "--json"])
    assert not stop.value.code
    body = json.loads(capsys.readouterr().out)
    assert body["inputs"]["trace_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert any("nearly capped" in c["evidence"] for c in body["data"]["checks"])
