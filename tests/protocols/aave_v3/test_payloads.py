"""Payloads of Aave v3: what is written is read back, and what a contract refuses is refused here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.abi import function_signature_to_4byte_selector
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import InputError
from protocols.aave_v3 import payloads
from protocols.aave_v3.engine_calls import UPDATES
from protocols.aave_v3.versions import RELEASES
from protocols.payload_calls import KEEP_CURRENT, Route, Setting, SettingKind
from protocols.snapshot import EMode, Snapshot
from tests.protocols.small_market import USDC, WETH, market

A, B = "0x" + "11" * 20, "0x" + "22" * 20
RESERVE, EMODE = SettingKind.RESERVE, SettingKind.EMODE
V3 = [r for r in RELEASES if r != "2.0"]
CATEGORY = EMode(1, "ETH correlated", 9_000, 9_300, 10_100, collateral=(0,), borrowable=(1,))
RESERVE_VALUES: dict[str, st.SearchStrategy[int]] = {
    "ltv_bps": st.integers(1, 10_000),
    "liquidation_threshold_bps": st.integers(1, 10_000),
    "liquidation_bonus_bps": st.integers(10_001, 20_000),
    "supply_cap_tokens": st.integers(1, 2**36 - 1),
    "borrow_cap_tokens": st.integers(1, 2**36 - 1),
    "reserve_factor_bps": st.integers(1, 10_000),
    "liquidation_protocol_fee_bps": st.integers(0, 9_999),
}
STEWARDED = ("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps", "supply_cap_tokens")
FIGURES = ("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps")


def made(version: str) -> Snapshot:
    plain = market(replace(WETH, asset=A), replace(USDC, asset=B))
    return replace(plain, market=replace(plain.market, version=version), emodes=(CATEGORY,))


@st.composite
def settings(draw: st.DrawFn, version: str, route: Route) -> list[Setting]:
    reserve = STEWARDED if route is Route.STEWARD else tuple(RESERVE_VALUES)
    keys = [(RESERVE, asset, p) for asset in (A, B) for p in reserve]
    if route is not Route.STEWARD or version not in ("3.0", "3.1"):
        keys += [(EMODE, "1", p) for p in FIGURES]
    chosen = draw(st.lists(st.sampled_from(keys), min_size=1, unique=True))
    return [Setting(kind, subject, p, draw(RESERVE_VALUES[p])) for kind, subject, p in chosen]


def after(snapshot: Snapshot, given_: list[Setting]) -> Snapshot:
    def of(subject: str) -> dict[str, Any]:
        return {s.parameter: s.value for s in given_ if s.subject == subject}

    reserves = tuple(replace(r, **of(r.asset)) for r in snapshot.reserves)
    emodes = tuple(replace(m, **of(str(m.id))) for m in snapshot.emodes)
    return replace(snapshot, reserves=reserves, emodes=emodes)


def read_back(calls: Any, version: str) -> dict[tuple[SettingKind, str, str], Any]:
    found = [payloads.decode(bytes.fromhex(c.calldata[2:]), version) for c in calls]
    assert all(d is not None and d.notes == () for d in found)
    return {(s.kind, s.subject, s.parameter): s.value for d in found if d is not None for s in d.settings}


@given(st.data(), st.sampled_from(V3), st.sampled_from([Route.ENGINE, Route.STEWARD]))
def test_updates_are_read_back(data: st.DataObject, version: str, route: Route) -> None:
    """PAY-2: updates of engine and steward set exactly the settings they were made of, in every release."""
    given_ = data.draw(settings(version, route))
    calls = payloads.encode(route, made(version), given_)
    assert read_back(calls, version) == {(s.kind, s.subject, s.parameter): s.value for s in given_}
    assert len({c.signature for c in calls}) == len(calls)  # one call a kind of record
    assert all("KEEP_CURRENT" in c.text() or str(KEEP_CURRENT) not in c.text() for c in calls)


@given(st.data(), st.sampled_from(V3))
def test_calls_of_the_configurator_are_read_back(data: st.DataObject, version: str) -> None:
    """PAY-3: the configurator's calls set the settings they were made of, and else what is there already."""
    given_ = data.draw(settings(version, Route.CONFIGURATOR))
    before = made(version)
    found = read_back(payloads.encode(Route.CONFIGURATOR, after(before, given_), given_), version)
    asked = {(s.kind, s.subject, s.parameter): s.value for s in given_}
    assert {key: found[key] for key in asked} == asked
    holders = {r.asset: r for r in before.reserves} | {str(m.id): m for m in before.emodes}
    for (kind, subject, parameter), value in found.items():
        if (kind, subject, parameter) not in asked:
            assert value == getattr(holders[subject], parameter)


def test_selectors_are_those_of_the_published_interfaces() -> None:
    """Selectors computed from IAaveV3ConfigEngine.sol of v3.6 and IPoolConfigurator.sol."""
    expected = {
        "updateCaps((address,uint256,uint256)[])",
        "updateCollateralSide((address,uint256,uint256,uint256,uint256,uint256)[])",
        "updateBorrowSide((address,uint256,uint256,uint256,uint256,uint256)[])",
        "updateEModeCategories((uint8,uint256,uint256,uint256,string)[])",
        "updateAssetsEMode((address,uint8,uint256,uint256,uint256)[])",
        "updateRateStrategies((address,(uint256,uint256,uint256,uint256))[])",
        "updatePriceFeeds((address,address)[])",
    }
    assert {u.signature(u.engine) for u in UPDATES if u.engine and u.fits("3.6")} == expected
    stewards = {u.signature(u.steward) for u in UPDATES if u.steward and u.fits("3.6")}
    assert "updateLstPriceCaps((address,(uint104,uint48,uint16))[])" in stewards
    assert "updateRates((address,(uint256,uint256,uint256,uint256))[])" in stewards
    assert (
        function_signature_to_4byte_selector("updateCaps((address,uint256,uint256)[])") in payloads._updates()
    )


def test_engine_writes_a_bonus_without_the_hundred_percent() -> None:
    given_ = [Setting(RESERVE, A, "liquidation_bonus_bps", 10_500), Setting(RESERVE, B, "ltv_bps", 7_000)]
    (call,) = payloads.encode(Route.ENGINE, made("3.6"), given_)
    keep = KEEP_CURRENT
    assert call.arguments == (((A, keep, keep, 500, keep, keep), (B, 7_000, keep, keep, keep, keep)),)
    assert keep == 2**256 - 1 - 42
    assert "liqBonus: 500" in call.text()
    assert call.text().count("KEEP_CURRENT") == 8


def test_engine_order_is_that_of_its_payload_contract() -> None:
    given_ = [
        Setting(RESERVE, A, "supply_cap_tokens", 5),
        Setting(RESERVE, A, "ltv_bps", 7_000),
        Setting(RESERVE, A, "reserve_factor_bps", 1_000),
        Setting(EMODE, "1", "ltv_bps", 9_100),
    ]
    names = [c.signature.partition("(")[0] for c in payloads.encode(Route.ENGINE, made("3.6"), given_)]
    assert names == ["updateEModeCategories", "updateBorrowSide", "updateCollateralSide", "updateCaps"]


@pytest.mark.parametrize(
    ("route", "version", "setting", "named"),
    [
        (Route.STEWARD, "3.6", Setting(RESERVE, A, "liquidation_protocol_fee_bps", 900), "may not set"),
        (
            Route.STEWARD,
            "3.6",
            Setting(RESERVE, A, "reserve_factor_bps", 900),
            "no update for reserve",
        ),
        (Route.STEWARD, "3.6", Setting(RESERVE, A, "supply_cap_tokens", 0), "to 0"),
        (Route.STEWARD, "3.6", Setting(RESERVE, A, "liquidation_bonus_bps", 10_000), "bonus of 0"),
        (Route.STEWARD, "3.1", Setting(EMODE, "1", "ltv_bps", 9_000), "no update for ltv_bps"),
        (Route.ENGINE, "3.6", Setting(RESERVE, A, "liquidation_threshold_bps", 0), "passes over"),
        (Route.ENGINE, "3.6", Setting(RESERVE, A, "liquidation_bonus_bps", 0), "cannot set"),
        (Route.ENGINE, "3.6", Setting(RESERVE, A, "liquidation_protocol_fee_bps", 10_000), "below 100 %"),
        (Route.ENGINE, "3.6", Setting(RESERVE, A, "reserve_factor_bps", 0), "above 0"),
        (Route.ENGINE, "3.0", Setting(RESERVE, A, "rate_slope1_bps", 400), "no update for rate_slope1"),
        (Route.CONFIGURATOR, "3.6", Setting(RESERVE, A, "rate_slope1_bps", 400), "missing"),
        (Route.CONFIGURATOR, "3.0", Setting(RESERVE, A, "rate_slope1_bps", 400), "one contract per rate"),
        (Route.CONFIGURATOR, "3.6", Setting(RESERVE, A, "colour", 4), "no call for colour"),
    ],
)
def test_what_a_contract_refuses_is_refused(route: Route, version: str, setting: Setting, named: str) -> None:
    with pytest.raises(InputError, match=named):
        payloads.encode(route, made(version), [setting])


def test_rates_of_every_route() -> None:
    rates = {"rate_optimal_bps": 8_000, "rate_base_bps": 0, "rate_slope1_bps": 400, "rate_slope2_bps": 6_000}
    given_ = [Setting(RESERVE, A, p, v) for p, v in rates.items()]
    for route in (Route.CONFIGURATOR, Route.ENGINE, Route.STEWARD):
        calls = payloads.encode(route, made("3.6"), given_)
        assert read_back(calls, "3.6") == {(RESERVE, A, p): v for p, v in rates.items()}
    (one,) = payloads.encode(Route.STEWARD, made("3.6"), given_[2:3])
    assert read_back([one], "3.6") == {(RESERVE, A, "rate_slope1_bps"): 400}


def test_a_record_the_engine_passes_over_sets_nothing() -> None:
    (update,) = [u for u in UPDATES if u.engine == "updateCollateralSide" and u.fits("3.6")]
    (call,) = payloads.encode(Route.ENGINE, made("3.6"), [Setting(RESERVE, A, "ltv_bps", 1)])
    record = (A, 0, 0, KEEP_CURRENT, KEEP_CURRENT, 500)
    data = bytes.fromhex(replace(call, arguments=((record,),)).calldata[2:])
    found = payloads.decode(data, "3.6")
    assert found is not None
    assert found.settings == ()
    assert "passed over" in found.notes[0]
    assert update.names == ("asset", "ltv", "liqThreshold", "liqBonus", "debtCeiling", "liqProtocolFee")


def test_a_shape_of_another_release_is_noted() -> None:
    (call,) = payloads.encode(Route.ENGINE, made("3.7"), [Setting(RESERVE, A, "ltv_bps", 7_000)])
    found = payloads.decode(bytes.fromhex(call.calldata[2:]), "3.6")
    assert found is not None
    assert "releases 3.7 on" in found.notes[0]
    (call,) = payloads.encode(Route.CONFIGURATOR, made("3.6"), [Setting(EMODE, "1", "ltv_bps", 9_100)])
    found = payloads.decode(bytes.fromhex(call.calldata[2:]), "3.7")
    assert found is not None
    assert "3.2 to 3.6" in found.notes[0]


def test_unknown_and_mangled_calls() -> None:
    assert payloads.decode(b"\x12\x34\x56\x78", "3.6") is None
    assert payloads.decode(b"", "3.6") is None
    (call,) = payloads.encode(Route.ENGINE, made("3.6"), [Setting(RESERVE, A, "ltv_bps", 7_000)])
    data = bytes.fromhex(call.calldata[2:])
    for mangled in (data[:-1], data + b"\0", data[:4]):
        with pytest.raises(ValueError, match="no plain encoding"):
            payloads.decode(mangled, "3.6")
    assert payloads.name_of(function_signature_to_4byte_selector("execute()")) == "execute()"
    assert payloads.name_of(b"\x12\x34\x56\x78") == ""


def test_memberships_flags_feeds_and_pauses() -> None:
    from abis.calls import Call, encode

    def settings_of(signature: str, *arguments: Any, version: str = "3.6") -> list[Setting]:
        found = payloads.decode(encode(Call("", signature, arguments)), version)
        assert found is not None
        return list(found.settings)

    assert settings_of("setAssetCollateralInEMode(address,uint8,bool)", A, 1, True) == [
        Setting(SettingKind.EMODE_ASSET, f"1:{A}", "collateral", True)
    ]
    assert settings_of("setReserveFreeze(address,bool)", A, True) == [Setting(RESERVE, A, "frozen", True)]
    assert settings_of("setReservePause(address,bool,uint40)", A, False, 60) == [
        Setting(RESERVE, A, "paused", False),
        Setting(RESERVE, A, "liquidation_grace_s", 60),
    ]
    assert settings_of("setAssetSources(address[],address[])", [A], [B]) == [
        Setting(RESERVE, A, "feed_source", B)
    ]
    assert settings_of(
        "updateAssetsEMode((address,uint8,uint256,uint256,uint256)[])", [(A, 1, 0, KEEP_CURRENT, 1)]
    ) == [
        Setting(SettingKind.EMODE_ASSET, f"1:{A}", "borrowable", False),
        Setting(SettingKind.EMODE_ASSET, f"1:{A}", "ltvzero", True),
    ]
    assert settings_of(
        "updateLstPriceCaps((address,(uint104,uint48,uint16))[])", [(A, (10**18, 1_700_000_000, 900))]
    ) == [
        Setting(SettingKind.FEED, A, "snapshot_ratio_raw", 10**18),
        Setting(SettingKind.FEED, A, "snapshot_at_s", 1_700_000_000),
        Setting(SettingKind.FEED, A, "growth_bps", 900),
    ]
    ceiling = settings_of(
        "updateCollateralSide((address,uint256,uint256,uint256,uint256,uint256)[])",
        [(A, KEEP_CURRENT, KEEP_CURRENT, KEEP_CURRENT, 25, KEEP_CURRENT)],
    )
    assert ceiling == [Setting(RESERVE, A, "debt_ceiling_usd_cents", 2_500)]


def test_a_frozen_reserve_keeps_its_ltv_for_later_from_31_on() -> None:
    frozen = replace(WETH, frozen=True)
    assert not payloads.keeps_ltv_for_later(made("3.0"), frozen)
    assert payloads.keeps_ltv_for_later(made("3.1"), frozen)
    assert not payloads.keeps_ltv_for_later(made("3.6"), WETH)
