"""Events of the record, by the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from examples.demo.parameters import read_as_of, read_parameters
from examples.demo.plan import AccountPlan, plan_accounts
from examples.incidents.market import NO_COSTS, Account, Asset, effects, market_of
from examples.localchain.spec import MarketSpec
from examples.validation.target import Target
from protocols.change_rules import ChangeRules
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, EMode, Market, Reserve, Snapshot
from risk.engine.stress import stress
from risk.scenarios.build import grid

BOOK_ACCOUNTS = 3_000
BOOK_SEED = 20_251_010
RELEASE = "3.5"


def targets() -> Iterator[Target]:
    """Return E1, E2, E3 and E5."""
    yield from _cap()
    yield from _ratios()
    yield from _crv()


def _cap() -> Iterator[Target]:
    """Return 10 March 2026: 10,938 wstETH seized at 1.1939 ETH, worth 1.228 or, as also printed, 1.2289."""
    source, seized, oracle, bonus_bps = "Aave governance, March 2026", 10_938.0, 1.1939, 100
    owed = seized * oracle / (1 + bonus_bps / 1e4)
    assets = [Asset("wstETH", oracle, 9_500, bonus_bps), Asset("WETH", 1.0)]
    book = market_of(assets, [Account("loop", (0, seized), (1, owed))], 1_773_100_800)
    prices = [round(oracle * 10**8), 10**8]
    for fair, dislocation, loss in ((1.228, "2.78", "502"), (1.2289, "2.85", "512.1")):
        done = effects(book, prices, [fair, 1.0], [fair, 1.0])
        yield Target(
            "E1", f"wstETH priced below fair ({fair})", source, dislocation, (1 - oracle / fair) * 100, "%"
        )
        yield Target(
            "E1",
            f"borrowers' loss, fair {fair}",
            source,
            loss,
            done.seized_tokens * fair - done.repaid_usd,
            "ETH",
            "seized at fair less repaid",
        )
    yield Target("E1", "seized", source, "10938", done.seized_tokens, "wstETH")
    yield Target("E1", "bad debt", source, "0.0", done.bad_debt_usd, "ETH")
    yield Target("E1", "protocol's fee, a tenth of the bonus", source, "12.9", owed * bonus_bps / 1e5, "ETH")


def _ratios() -> Iterator[Target]:
    """Return bonus and fee of falls of the whole market, on a book drawn as the demo's."""
    book = drawn_book()
    outcome = stress(book, grid("market=-15%:-35%:5", book), liquidators=NO_COSTS, events=True)
    calls = outcome.events
    assert calls is not None
    repaid, bonus = float(calls.repaid_usd.sum()), float((calls.seized_usd - calls.repaid_usd).sum())
    fee = float((calls.fee_raw / calls.seized_raw * calls.seized_usd).sum())
    note = "falls of 15 to 35 % of the market; the mix of collateral is the demo's, not the day's"
    yield Target(
        "E2",
        "bonus over repaid, week to 2 Feb 2026",
        "Aave governance",
        "4.84",
        bonus / repaid * 100,
        "%",
        note,
    )
    yield Target(
        "E3", "bonus over repaid, 10 Oct 2025", "Aave governance", "5.6..5.9", bonus / repaid * 100, "%", note
    )
    yield Target(
        "E3", "fee over bonus, 10 Oct 2025", "Aave governance", "9.5..10.5", fee / bonus * 100, "%", note
    )


def _crv() -> Iterator[Target]:
    """Return 22 November 2022: a short of CRV on Aave v2, called until its collateral is gone."""
    source = "Aave governance, arXiv 2302.04068"
    collateral, owed, repaid = 63.6e6, 92e6, 89.6e6
    price = collateral / 1.045 / repaid
    assets = [Asset("USDC", 1.0, 8_950, 450), Asset("CRV", price)]
    book = market_of(assets, [Account("short", (0, collateral), (1, owed))], 1_669_161_600, "2.0")
    done = effects(book, [10**8, round(price * 10**8)], [1.0, price], [1.0, price])
    note = f"all calls at {price:.3f} USD, the average the record implies; collateral 63.6 M USDC"
    yield Target("E5", "CRV repaid", source, "89.6", done.repaid_usd / price / 1e6, "M", note)
    yield Target(
        "E5", "CRV left", source, "2.39..2.656", owed / 1e6 - done.repaid_usd / price / 1e6, "M", note
    )
    yield Target("E5", "bad debt", source, "1.3..1.78", done.bad_debt_usd / 1e6, "M USD", note)


def drawn_book() -> Snapshot:
    """Return the demo's market and distribution of accounts, larger and without a chain."""
    spec = read_parameters()
    plans = plan_accounts(_without_caps(spec), seed=BOOK_SEED, accounts=BOOK_ACCOUNTS)
    symbols = [reserve.symbol for reserve in spec.reserves]
    supplied = [entry for plan in plans for entry in _collateral(spec, plan, symbols)]
    owed = [
        DebtEntry(plan.address, symbols.index(leg.symbol), leg.amount_raw, leg.amount_raw)
        for plan in plans
        for leg in plan.debt
    ]
    return Snapshot(
        market=Market("demo", "aave_v3", RELEASE, 1),
        block=Block(1, "0x" + "00" * 32, read_as_of()),
        base=BaseCurrency("USD", 10**8, Decimal(1)),
        rules=rules_of("aave", RELEASE),
        change_rules=ChangeRules(),
        reserves=tuple(_reserve(spec, k) for k in range(len(symbols))),
        emodes=tuple(_emode(spec, k) for k in range(len(spec.emodes))),
        book=book_of({plan.address: plan.emode for plan in plans}, supplied, owed),
    )


def _without_caps(spec: MarketSpec) -> MarketSpec:
    """Return the market without caps: more accounts than the demo's do not fit below them."""
    return replace(
        spec,
        reserves=tuple(replace(r, supply_cap_tokens=0, borrow_cap_tokens=0) for r in spec.reserves),
    )


def _collateral(spec: MarketSpec, plan: AccountPlan, symbols: list[str]) -> Iterator[CollateralEntry]:
    for leg in plan.collateral:
        reserve = spec.reserve(leg.symbol)
        shared = next((e for e in spec.emodes if e.id == plan.emode and reserve.emode == plan.emode), None)
        values = shared or reserve
        yield CollateralEntry(
            plan.address,
            symbols.index(leg.symbol),
            leg.amount_raw,
            leg.amount_raw,
            values.liquidation_threshold_bps,
            values.ltv_bps,
            values.liquidation_bonus_bps,
            leg.symbol not in plan.switched_off and reserve.liquidation_threshold_bps > 0,
        )


def _reserve(spec: MarketSpec, number: int) -> Reserve:
    reserve = spec.reserves[number]
    return Reserve(
        asset=f"0x{number + 1:040d}",
        symbol=reserve.symbol,
        decimals=reserve.decimals,
        price_raw=reserve.feed.price_raw,
        ltv_bps=reserve.ltv_bps,
        liquidation_threshold_bps=reserve.liquidation_threshold_bps,
        liquidation_bonus_bps=reserve.liquidation_bonus_bps,
        liquidation_protocol_fee_bps=reserve.liquidation_protocol_fee_bps,
        id=number,
    )


def _emode(spec: MarketSpec, number: int) -> EMode:
    mode = spec.emodes[number]
    members = tuple(k for k, r in enumerate(spec.reserves) if r.emode == mode.id)
    return EMode(
        id=mode.id,
        label=mode.label,
        ltv_bps=mode.ltv_bps,
        liquidation_threshold_bps=mode.liquidation_threshold_bps,
        liquidation_bonus_bps=mode.liquidation_bonus_bps,
        collateral=members,
        borrowable=members,
    )
