from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abis.errors import InputError, MalformedFile, UnsupportedVersion
from abis.findings import Finding, FindingKind, Severity
from abis.units import RAY
from protocols.exact import exact_rules
from protocols.files.market import facts_from, read_market_file
from protocols.files.sheets import LAYOUTS, Kind
from protocols.from_file import build
from protocols.liquidation_rules import SizingRule
from protocols.snapshot import Snapshot
from protocols.store import digest, load, save

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "import"
ALICE, BOB = "0x" + "0" * 38 + "11", "0x" + "0" * 38 + "22"

RESERVES = """symbol,asset,decimals,price,ltv_bps,liquidation_threshold_bps,liquidation_bonus_bps
WETH,0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2,18,2000,8000,8300,10500
USDC,0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48,6,1,7500,7800,10450
"""
LEGS = f"""account,side,asset,amount
{ALICE},collateral,WETH,1.5
{ALICE},debt,USDC,1000.000001
"""


def facts(version: str = "3.3", **tables: Any) -> Any:
    return facts_from({"market": {"version": version}, "block": {"time": 1}, **tables})


def build_from(
    folder: Path, version: str = "3.3", tables: dict[str, Any] | None = None, **files: str
) -> Snapshot:
    files = {"reserves": RESERVES, "legs": LEGS, **files}
    paths = []
    for name, text in files.items():
        path = folder / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return build(paths, facts(version, **(tables or {})))


def told(snapshot: Snapshot, at_least: Severity = Severity.MEDIUM) -> list[Finding]:
    return [f for f in snapshot.findings if f.severity >= at_least]


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_the_positions_are_exact(tmp_path: Path) -> None:
    snapshot = build_from(tmp_path)
    weth, usdc = snapshot.asset_index("WETH"), snapshot.asset_index("USDC")
    assert snapshot.reserves[weth].price_raw == 2000 * 10**8
    position = only([snapshot.position(i) for i in range(len(snapshot.book))])
    collateral, debt = only(position.collateral), only(position.debt)
    assert (collateral.reserve, collateral.balance_raw) == (weth, 15 * 10**17)
    assert (collateral.threshold_bps, collateral.ltv_bps, collateral.bonus_bps) == (8300, 8000, 10500)
    assert collateral.counted
    assert (debt.reserve, debt.balance_raw) == (usdc, 1_000_000_001)
    data = exact_rules(snapshot.rules).account_data(position, snapshot.rules)
    assert data.total_collateral_base == 3000 * 10**8
    assert data.health_factor == 2_490_000_000_000_000_000 * 10**11 // (10**11 + 100)
    assert told(snapshot) == []


def test_the_example_files_are_sound() -> None:
    snapshot = build(sorted(EXAMPLE.glob("*.csv")), facts_from(read_market_file(EXAMPLE / "market.toml")))
    assert told(snapshot) == []
    assert snapshot.block.number == 21_000_000
    assert snapshot.block.timestamp_s == 1_729_339_200
    assert [c.missing_scaled_raw for c in snapshot.completeness] == [0] * 6
    assert snapshot.book.emode.tolist() == [0, 1, 0]
    eth = snapshot.emodes[0]
    assert {snapshot.reserves[i].symbol for i in eth.collateral} == {"WETH", "wstETH"}
    bob = snapshot.position(1)
    assert only(bob.collateral).threshold_bps == 9550
    off = {snapshot.reserves[leg.reserve].symbol: leg.counted for leg in snapshot.position(2).collateral}
    assert off == {"WETH": True, "USDC": False}


def test_addresses_are_checksummed_and_matched_whatever_their_case(tmp_path: Path) -> None:
    lower = "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359"
    legs = LEGS.replace("USDC", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48").replace("WETH", "weth")
    legs = legs.replace(ALICE, lower) + f"0x{lower[2:].upper()},debt,WETH,0.1\n"
    snapshot = build_from(tmp_path, legs=legs)
    assert snapshot.book.accounts == ("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",)
    assert len(snapshot.position(0).debt) == 2
    assert told(snapshot) == []


@pytest.mark.parametrize(
    ("row", "kind", "named"),
    [
        (f"{BOB},collateral,WETH,-1", FindingKind.OUT_OF_RANGE, "amount is -1"),
        (f"{BOB},collateral,WETH,nan", FindingKind.OUT_OF_RANGE, "amount is nan"),
        (f"{BOB},collateral,WETH,Infinity", FindingKind.OUT_OF_RANGE, "amount is Infinity"),
        (f"{BOB},collateral,WETH,1e999999999", FindingKind.OUT_OF_RANGE, "finite number"),
        (f"{BOB},collateral,WETH,1e-999999999", FindingKind.OUT_OF_RANGE, "finite number"),
        (f"{BOB},collateral,WETH,1e70", FindingKind.OUT_OF_RANGE, "256 bits"),
        (f"{BOB},collateral,WETH,ten", FindingKind.INCONSISTENT, "'ten'"),
        (f"{BOB},collateral,WETH,", FindingKind.MISSING, "amount is empty"),
        (f"{BOB},collateral,DOGE,1", FindingKind.MISSING, "'DOGE'"),
        (f"{BOB},loan,WETH,1", FindingKind.INCONSISTENT, "'loan'"),
        (",collateral,WETH,1", FindingKind.MISSING, "account is empty"),
        (f"{BOB},collateral,WETH,1,1", FindingKind.INCONSISTENT, "5 cells, expected 4"),
        (f"{BOB},collateral", FindingKind.INCONSISTENT, "2 cells, expected 4"),
    ],
)
def test_a_bad_row_becomes_a_finding_and_the_others_stay(
    tmp_path: Path, row: str, kind: FindingKind, named: str
) -> None:
    snapshot = build_from(tmp_path, legs=f"{LEGS}{row}\n{BOB},collateral,WETH,2\n")
    finding = only(told(snapshot))
    assert (finding.kind, finding.severity, finding.subject) == (kind, Severity.HIGH, "legs.csv:4")
    assert named in finding.message
    assert snapshot.book.accounts == (ALICE, BOB)
    assert only(snapshot.position(1).collateral).balance_raw == 2 * 10**18


def test_a_single_bad_row_is_a_finding_too(tmp_path: Path) -> None:
    snapshot = build_from(tmp_path, legs="account,side,asset,amount\na,debt,USDC,x\n")
    assert only(told(snapshot)).subject == "legs.csv:2"
    assert len(snapshot.book) == 0


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"legs": "account,side,amount\na,debt,1\n"}, "asset"),
        ({"legs": "account,asset,amount\na,USDC,1\n"}, "side"),
        ({"legs": "account,side,asset\na,debt,USDC\n"}, "amount or amount_raw"),
        ({"legs": "account,side,asset,amount\na,debt,USDC,x\nb,debt,USDC,y\n"}, "no row that can be read"),
        ({"legs": "account,side,asset,amount,amount\n"}, "'amount' twice"),
        ({"legs": "a;b;c\n1;2;3\n"}, "a;b;c"),
        ({"legs": ""}, "no known file"),
        ({"legs": 'account,side,asset,amount\n"a,debt,USDC,1\n'}, "cannot read 'legs.csv'"),
        ({"reserves": RESERVES.replace("price,", "")}, "price or price_raw"),
        (
            {"reserves": RESERVES + "WETH,0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2,18,1,0,0,0\n"},
            "reserves.csv:4",
        ),
    ],
)
def test_a_malformed_file_is_an_error(tmp_path: Path, files: dict[str, str], named: str) -> None:
    with pytest.raises(MalformedFile) as caught:
        build_from(tmp_path, **files)
    assert named in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_files_that_cannot_be_opened_or_are_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"symbol,decimals,price\n\xff,1,1\n")
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    (tmp_path / "a.xlsx").write_bytes(b"")
    for name in ("a.csv", "a.parquet", "a.xlsx", "absent.csv"):
        with pytest.raises(MalformedFile, match=name.replace(".", r"\.")):
            build([tmp_path / name], facts())


def test_reserves_and_legs_are_both_needed(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(RESERVES)
    (tmp_path / "l.csv").write_text(LEGS)
    with pytest.raises(MalformedFile, match="lists legs"):
        build([tmp_path / "r.csv"], facts())
    with pytest.raises(MalformedFile, match="lists reserves"):
        build([tmp_path / "l.csv"], facts())


def test_repeated_rows_are_added_up_and_told(tmp_path: Path) -> None:
    legs = "account,side,asset,amount,liquidation_threshold_bps,liquidation_bonus_bps,enabled\n"
    legs += "a,collateral,WETH,1,8000,,true\na,debt,USDC,5,,,\na,collateral,WETH,2,7000,10600,false\n"
    snapshot = build_from(tmp_path, legs=legs)
    leg = only(snapshot.position(0).collateral)
    assert leg.balance_raw == 3 * 10**18
    assert (leg.threshold_bps, leg.bonus_bps, leg.counted) == (7000, 10600, False)
    finding = only(told(snapshot))
    assert finding.kind is FindingKind.INCONSISTENT
    assert finding.subject == "legs.csv:2, legs.csv:4"


def test_zero_amounts_are_no_position(tmp_path: Path) -> None:
    snapshot = build_from(tmp_path, legs="account,side,asset,amount\na,debt,USDC,0\n")
    assert snapshot.book.accounts == ("a",)
    assert snapshot.position(0).debt == ()


def test_amounts_are_rounded_half_up_and_raw_ones_taken_as_they_are(tmp_path: Path) -> None:
    legs = "account,side,asset,amount,amount_raw\na,debt,USDC,1.0000005,\nb,debt,USDC,1.0000004999,\n"
    legs += f"c,debt,USDC,7,{2**256 - 1}\nd,debt,WETH,1e-18,\ne,debt,USDC,0.1e2,\n"
    book = build_from(tmp_path, legs=legs).book
    assert book.debt.amount_raw.tolist() == [1_000_001, 1_000_000, 2**256 - 1, 1, 10_000_000]


def test_every_optional_column_of_a_reserve_is_read(tmp_path: Path) -> None:
    values = {
        "symbol": "X", "decimals": 6, "price_raw": 5, "ltv_bps": 1, "liquidation_threshold_bps": 2,
        "liquidation_bonus_bps": 10_001, "liquidation_protocol_fee_bps": 3, "reserve_factor_bps": 4,
        "supply_cap_tokens": 6, "borrow_cap_tokens": 7, "debt_ceiling_usd_cents": 8, "emode_category": 9,
        "active": False, "frozen": True, "paused": True, "borrowing_enabled": False, "siloed_borrowing": True,
        "borrowable_in_isolation": True, "flash_loan_enabled": False, "liquidity_index_ray": RAY + 1,
        "variable_borrow_index_ray": RAY + 2, "liquidity_rate_ray": 10, "variable_borrow_rate_ray": 11,
        "last_update_s": 12, "total_supply_raw": 13, "total_debt_raw": 14, "available_liquidity_raw": 15,
        "a_token": "aX", "debt_token": "dX", "id": 16,
    }  # fmt: skip
    header, row = ",".join(values), ",".join(str(v) for v in values.values())
    snapshot = build_from(tmp_path, reserves=f"{header}\n{row}\n", legs="account,side,asset,amount\n")
    reserve = only(snapshot.reserves)
    assert {name: getattr(reserve, name) for name in values} == values
    assert reserve.asset == "X"


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("A,400,1,0,0,0", "decimals is 400"),
        ("A,1.5,1,0,0,0", "decimals is 1.5"),
        ("A,6,-1,0,0,0", "price is -1"),
        ("A,6,1,10001,0,0", "ltv_bps is 10001"),
        ("A,6,1,0,0,500", "10500 = 5 %"),
        (",6,1,0,0,0", "symbol is empty"),
    ],
)
def test_a_bad_reserve_is_a_finding(tmp_path: Path, row: str, named: str) -> None:
    header = "symbol,decimals,price,ltv_bps,liquidation_threshold_bps,liquidation_bonus_bps\n"
    legs = "account,side,asset,amount\n"
    snapshot = build_from(tmp_path, reserves=f"{header}B,6,1,0,0,0\n{row}\n", legs=legs)
    finding = only(told(snapshot))
    assert finding.subject == "reserves.csv:3"
    assert named in finding.message
    assert [r.symbol for r in snapshot.reserves] == ["B"]


def test_doubtful_parameters_are_kept_and_told(tmp_path: Path) -> None:
    header = "symbol,decimals,price,ltv_bps,liquidation_threshold_bps,liquidation_bonus_bps\n"
    rows = "NOPRICE,6,,0,0,0\nLTV,6,1,8000,7000,10500\nBONUS,6,1,1,2,0\n"
    snapshot = build_from(tmp_path, reserves=header + rows, legs="account,side,asset,amount\n")
    assert {(f.subject, f.kind, f.severity) for f in told(snapshot)} == {
        ("NOPRICE", FindingKind.MISSING, Severity.HIGH),
        ("LTV", FindingKind.INCONSISTENT, Severity.MEDIUM),
        ("BONUS", FindingKind.MISSING, Severity.MEDIUM),
    }


def test_an_ambiguous_symbol_needs_the_address(tmp_path: Path) -> None:
    reserves = "symbol,asset,decimals,price\nUSDC,x,6,1\nUSDC,y,6,1\nusdt,z,6,1\nUSDT,w,6,1\n"
    legs = "account,side,asset,amount\na,debt,USDC,1\na,debt,y,1\na,debt,usdt,1\na,debt,Usdt,1\n"
    snapshot = build_from(tmp_path, reserves=reserves, legs=legs)
    assert {snapshot.reserves[leg.reserve].asset for leg in snapshot.position(0).debt} == {"y", "z"}
    assert [f.subject for f in told(snapshot)] == ["legs.csv:2", "legs.csv:5"]
    assert all("names 2 reserves" in f.message for f in told(snapshot))


def test_columns_that_are_not_read_are_told(tmp_path: Path) -> None:
    snapshot = build_from(
        tmp_path,
        legs=LEGS.replace("amount\n", "amount,liquidaton_bonus\n")
        .replace("1.5", "1.5,1")
        .replace("000001", "000001,1"),
    )
    finding = only(f for f in snapshot.findings if f.kind is FindingKind.UNSUPPORTED)
    assert "liquidaton_bonus" in finding.message


def test_leg_parameters_win_over_those_of_the_reserve(tmp_path: Path) -> None:
    reserves = "symbol,decimals,price\nWETH,18,2000\nUSDC,6,1\n"
    legs = "account,side,asset,amount,ltv_bps,liquidation_threshold_bps,liquidation_bonus_bps\n"
    legs += "a,collateral,WETH,1,9000,9300,10100\nb,collateral,WETH,1,,,\n"
    snapshot = build_from(tmp_path, version="3.0", reserves=reserves, legs=legs)
    stated, bare = only(snapshot.position(0).collateral), only(snapshot.position(1).collateral)
    assert (stated.threshold_bps, stated.ltv_bps, stated.bonus_bps, stated.counted) == (
        9300,
        9000,
        10100,
        True,
    )
    assert (bare.threshold_bps, bare.counted) == (0, False)


def test_emode_members_are_the_reserves_that_name_the_category_until_3_1(tmp_path: Path) -> None:
    reserves = (
        "symbol,decimals,price,ltv_bps,liquidation_threshold_bps,liquidation_bonus_bps,emode_category\n"
    )
    reserves += "WETH,18,2000,8000,8300,10500,1\nUSDC,6,1,7500,7800,10450,\n"
    emodes = "emode,label,ltv_bps,liquidation_threshold_bps,liquidation_bonus_bps,collateral\n"
    emodes += "1,ETH,9000,9300,10100,USDC\n"
    legs = "account,side,asset,amount\na,collateral,WETH,1\na,collateral,USDC,1\n"
    accounts = "account,emode\na,1\n"
    for version, weth, usdc in (("3.0", 9300, 7800), ("3.3", 8300, 9300)):
        files = {"reserves": reserves, "emodes": emodes, "legs": legs, "accounts": accounts}
        snapshot = build_from(tmp_path, version=version, **files)
        found = {
            snapshot.reserves[leg.reserve].symbol: leg.threshold_bps
            for leg in snapshot.position(0).collateral
        }
        assert found == {"WETH": weth, "USDC": usdc}
        assert len(snapshot.emodes[0].collateral) == 1


def test_a_category_may_have_a_price_of_its_own_until_3_1(tmp_path: Path) -> None:
    reserves = (
        "symbol,decimals,price,ltv_bps,liquidation_threshold_bps,liquidation_bonus_bps,emode_category\n"
    )
    reserves += "WETH,18,2000,8000,8300,10500,1\nUSDC,6,1,7500,7800,10450,\n"
    emodes = "emode,ltv_bps,liquidation_threshold_bps,liquidation_bonus_bps,collateral,price\n"
    emodes += "1,9000,9300,10100,WETH,2100.5\n"
    legs = "account,side,asset,amount\na,collateral,WETH,1\na,debt,USDC,100\nb,collateral,WETH,1\n"
    files = {"reserves": reserves, "emodes": emodes, "legs": legs, "accounts": "account,emode\na,1\n"}
    old, new = (build_from(tmp_path, version=version, **files) for version in ("3.1", "3.2"))
    np.testing.assert_allclose(old.collateral_usd, [2100.5, 2000])
    (debt,) = old.position(0).debt
    assert (debt.price_raw, debt.price_in_call_raw) == (10**8, 210_050_000_000)
    assert [f.kind for f in old.findings if f.subject == "e-mode 1"] == [FindingKind.UNVERIFIED]
    np.testing.assert_allclose(new.collateral_usd, [2000, 2000])
    assert [f.kind for f in new.findings if f.subject == "e-mode 1"] == [FindingKind.UNSUPPORTED]


def test_an_unknown_emode_and_contradicting_accounts_are_findings(tmp_path: Path) -> None:
    accounts = "account,emode,health_factor\na,7,1\nb,0,1\nb,0,2\n"
    legs = "account,side,asset,amount\na,collateral,WETH,1\nb,collateral,WETH,1\n"
    snapshot = build_from(tmp_path, accounts=accounts, legs=legs)
    assert snapshot.book.accounts == ("a", "b")
    assert [f.subject for f in told(snapshot)] == ["accounts.csv:2", "accounts.csv:3", "accounts.csv:4"]


def test_reported_health_is_compared_and_summed_up(tmp_path: Path) -> None:
    legs = "account,side,asset,amount\n"
    for name, debt in (("a", 1660), ("b", 1660), ("c", 0), ("d", 1660)):
        legs += f"{name},collateral,WETH,1\n{name},debt,USDC,{debt}\n"
    accounts = "account,health_factor,total_collateral,total_debt\n"
    accounts += (
        "a,1.0005,2000,1660\nb,1.1,2000,1660\nc,115792089237316195423570985008687907853e39,2000,0\nd,inf,,\n"
    )
    snapshot = build_from(tmp_path, legs=legs, accounts=accounts)
    assert [f.subject for f in told(snapshot)] == ["b", "d"]
    assert all(f.kind is FindingKind.INCONSISTENT for f in told(snapshot))
    assert "health factor 1 computed, 1.1 reported (9.1e-2 relative)" in told(snapshot)[0].message
    summaries = [f.message for f in snapshot.findings if f.subject == "reconciliation"]
    assert len(summaries) == 3
    assert "health factor of 4 accounts" in summaries[0]
    assert "2 above 1e-3" in summaries[0]
    assert "median 0" in summaries[2]


def test_totals_without_legs_are_told(tmp_path: Path) -> None:
    accounts = f"account,health_factor,total_collateral,total_debt\n{BOB},1.2,500,300\nempty,,,\n"
    snapshot = build_from(tmp_path, accounts=accounts)
    finding = only(told(snapshot))
    assert (finding.kind, finding.subject) == (FindingKind.MISSING, BOB)
    assert "500" in finding.message
    assert set(snapshot.book.accounts) == {ALICE, BOB, "empty"}


def test_given_totals_are_held_against_the_legs(tmp_path: Path) -> None:
    reserves = RESERVES.replace("10500", "10500,2,,1").replace("10450", "10450,,900,")
    reserves = reserves.replace("bonus_bps\n", "bonus_bps,total_supply,total_debt,available_liquidity\n")
    snapshot = build_from(tmp_path, reserves=reserves)
    weth, usdc = (snapshot.reserves[snapshot.asset_index(s)] for s in ("WETH", "USDC"))
    assert (weth.total_supply_raw, weth.total_debt_raw, weth.available_liquidity_raw) == (
        2 * 10**18,
        0,
        10**18,
    )
    assert (usdc.total_supply_raw, usdc.total_debt_raw, usdc.available_liquidity_raw) == (0, 900 * 10**6, 0)
    rows = {(snapshot.reserves[c.reserve].symbol, c.side): c for c in snapshot.completeness}
    assert set(rows) == {("WETH", "supply"), ("USDC", "debt")}
    assert rows["WETH", "supply"].missing_scaled_raw == 5 * 10**17
    assert rows["WETH", "supply"].missing_usd == pytest.approx(1000)
    assert rows["USDC", "debt"].missing_usd == pytest.approx(-100.000001)
    kinds = {f.subject: f.kind for f in told(snapshot)}
    assert kinds == {"WETH": FindingKind.MISSING, "USDC": FindingKind.INCONSISTENT}


def test_indices_scale_balances(tmp_path: Path) -> None:
    reserves = RESERVES.replace("bonus_bps\n", "bonus_bps,liquidity_index_ray\n")
    reserves = reserves.replace("10500", f"10500,{2 * RAY}").replace("10450", "10450,")
    legs = "account,side,asset,amount,scaled_raw\na,collateral,WETH,1,\nb,collateral,WETH,1,77\n"
    collateral = build_from(tmp_path, reserves=reserves, legs=legs).book.collateral
    assert collateral.scaled_raw.tolist() == [5 * 10**17, 77]


def test_parquet_gives_the_same_snapshot_as_csv(tmp_path: Path) -> None:
    first = build_from(tmp_path)
    for name in ("reserves", "legs"):
        frame = pd.read_csv(tmp_path / f"{name}.csv")
        frame.to_parquet(tmp_path / f"{name}.parquet")
    second = build([tmp_path / "reserves.parquet", tmp_path / "legs.parquet"], facts())
    assert digest(first) == digest(second)


def test_parquet_types_are_understood(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(RESERVES)
    rows = pa.table(
        {
            "account": ["a", "b"],
            "side": ["collateral", "debt"],
            "asset": ["WETH", "USDC"],
            "amount": pa.array([Decimal("1.50"), Decimal("0.25")]),
            "enabled": [True, None],
            "ltv_bps": pa.array([7000.0, None]),
        }
    )
    pq.write_table(rows, tmp_path / "l.parquet")
    snapshot = build([tmp_path / "r.csv", tmp_path / "l.parquet"], facts())
    assert told(snapshot) == []
    assert only(snapshot.position(0).collateral).ltv_bps == 7000
    assert only(snapshot.position(1).debt).balance_raw == 250_000
    floats = rows.drop_columns("amount").append_column("amount_raw", pa.array([1e18, 1.0]))
    pq.write_table(floats, tmp_path / "l.parquet")
    with pytest.raises(MalformedFile, match="amount_raw"):
        build([tmp_path / "r.csv", tmp_path / "l.parquet"], facts())


def test_hostile_names_survive_to_the_file_and_back(tmp_path: Path) -> None:
    symbol = '=cmd|"<script>\x07\u202e'
    cell = '"' + symbol.replace('"', '""') + '"'
    snapshot = build_from(tmp_path, reserves=RESERVES.replace("WETH", cell), legs=LEGS.replace("WETH", cell))
    save(snapshot, tmp_path / "s")
    assert symbol in {r.symbol for r in load(tmp_path / "s").reserves}
    assert told(snapshot) == []


def test_a_bom_and_empty_lines_do_no_harm(tmp_path: Path) -> None:
    snapshot = build_from(
        tmp_path, legs="\ufeff" + LEGS.replace("\n", "\r\n\r\n").replace("amount", " Amount ")
    )
    assert len(snapshot.position(0).debt) == 1


@pytest.mark.parametrize("tolerance", ["nan", "-1", "inf"])
def test_an_impossible_tolerance_is_refused(tolerance: str) -> None:
    with pytest.raises(InputError, match="tolerance"):
        build([], facts(), Decimal(tolerance))


def test_market_facts() -> None:
    known = facts_from(
        {
            "market": {"version": "2.0", "name": "n", "chain_id": 5, "addresses": {"pool": "0x1"}},
            "block": {"number": 7, "hash": "0xab", "time": "2023-06-20T07:52:59+00:00"},
            "base_currency": {"symbol": "ETH", "usd": "1700.5"},
            "liquidation_rules": {"close_factor_bps": 6000, "sizing": "position_wide"},
            "assumptions": [{"subject": "s", "message": "m"}],
        }
    )
    assert (known.market.name, known.market.protocol, known.market.chain_id) == ("n", "aave_v2", 5)
    assert dict(known.market.addresses) == {"pool": "0x1"}
    assert (known.block.number, known.block.hash, known.block.timestamp_s) == (7, "0xab", 1_687_247_579)
    assert (known.base.symbol, known.base.unit_raw, known.base.usd) == ("ETH", 10**18, Decimal("1700.5"))
    assert known.rules.close_factor_bps == 6000
    assert known.rules.sizing is SizingRule.POSITION_WIDE
    assert [f.subject for f in known.findings] == ["s", "liquidation rules"]


def test_an_unknown_time_is_told() -> None:
    finding = only(facts_from({"market": {"version": "3.0"}}).findings)
    assert (finding.kind, finding.subject) == (FindingKind.MISSING, "block")


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"market": {}}, "--rules"),
        ({"market": {"version": "3.3", "chain": 1}}, "market.chain"),
        ({"markt": {}}, "'markt'"),
        ({"market": 3}, "'market'"),
        ({"market": {"version": "3.3", "chain_id": -1}}, "chain_id is -1"),
        ({"market": {"version": "3.3", "addresses": ["x"]}}, "addresses"),
        ({"market": {"version": "3.3"}, "block": {"time": "yesterday"}}, "block.time"),
        ({"market": {"version": "3.3"}, "block": {"time": "1950-01-01"}}, "block.time"),
        ({"market": {"version": "3.3"}, "block": {"number": "x"}}, "block.number"),
        ({"market": {"version": "3.3"}, "base_currency": {"symbol": "ETH"}}, "--base-usd"),
        ({"market": {"version": "3.3"}, "base_currency": {"usd": "0"}}, "usd is 0"),
        ({"market": {"version": "3.3"}, "base_currency": {"usd": "a"}}, "usd is a"),
        ({"market": {"version": "3.3"}, "base_currency": {"decimals": 99}}, "decimals is 99"),
        ({"market": {"version": "3.3"}, "liquidation_rules": {"sizing": "all"}}, "SizingRule"),
        ({"market": {"version": "3.3"}, "liquidation_rules": {"has_protocol_fee": "no"}}, "has_protocol_fee"),
        ({"market": {"version": "3.3"}, "liquidation_rules": {"close_factor_bps": 0.5}}, "close_factor_bps"),
        ({"market": {"version": "3.3"}, "assumptions": [{"text": "x"}]}, "assumption"),
    ],
)
def test_impossible_market_facts_are_refused(tables: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as caught:
        facts_from(tables)
    assert named in str(caught.value)


def test_an_unknown_release_names_the_known_ones() -> None:
    with pytest.raises(UnsupportedVersion, match=r"3\.7"):
        facts_from({"market": {"version": "4.0"}})


def test_a_market_file_that_is_no_toml_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text("[market")
    for name in ("m.toml", "absent.toml"):
        with pytest.raises(MalformedFile, match=name.replace(".", r"\.")):
            read_market_file(tmp_path / name)


def test_the_documentation_names_every_column_that_is_read() -> None:
    text = (EXAMPLE.parents[1] / "docs" / "data-format.md").read_text(encoding="utf-8")
    titles = {Kind.RESERVES: "Reserves", Kind.LEGS: "Legs", Kind.ACCOUNTS: "Accounts", Kind.EMODES: "E-modes"}
    for kind, layout in LAYOUTS.items():
        section = text.split(f"### {titles[kind]}")[1].split("\n### ")[0]
        first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
        assert set(re.findall(r"`(\w+)`", " ".join(first_cells))) == layout.known, kind


def test_the_market_file_of_the_documentation_is_understood() -> None:
    text = (EXAMPLE.parents[1] / "docs" / "data-format.md").read_text(encoding="utf-8")
    known = facts_from(tomllib.loads(text.split("```toml")[1].split("```")[0]))
    assert (known.market.name, known.market.version) == ("my-market", "3.3")
    assert [f.subject for f in known.findings] == ["WETH"]
