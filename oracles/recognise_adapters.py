"""The shapes of Aave's price adapters, by the public getters of aave-price-feeds.

Sources: PriceCapAdapterBase.sol (both generations), PriceCapAdapterStable.sol,
EURPriceCapAdapterStable.sol, PendlePriceCapAdapter.sol, CLSynchronicityPriceAdapter*.sol and
misc-adapters/{FixedPriceAdapter,OneUSDFixedAdapter}.sol.
"""

from __future__ import annotations

from abis.chain import Header
from abis.units import BPS, WAD, YEAR_S
from oracles.recognise import ZERO, Answers, Fit, Fitting, Shape, require
from oracles.traced import (
    DiscountSettings,
    EurCapSettings,
    Kind,
    RatioCapSettings,
    Role,
    StableCapSettings,
)

SCALE = 1_000_000
_MOST_RATIO_DECIMALS = 27  # the pot's rate of savings DAI
_EUR_RATIO_DECIMALS = 8  # fixed before the adapter got a getter for it


def _ratio_cap(address: str, block: Header, a: Answers) -> Fitting:
    yield from ()
    decimals, ratio, start_raw, start_s, growth = (
        a["RATIO_DECIMALS"],
        a["getRatio"],
        a["getSnapshotRatio"],
        a["getSnapshotTimestamp"],
        a["getMaxYearlyGrowthRatePercent"],
    )
    scaled = a["getMaxRatioGrowthPerSecondScaled"]
    require(decimals <= _MOST_RATIO_DECIMALS, f"RATIO_DECIMALS() says {decimals}")
    require(ratio > 0, f"getRatio() says {ratio}")
    require(0 < start_raw < 2**104, f"its snapshot ratio is {start_raw}")
    require(growth < 2**16, f"its yearly growth is {growth}")
    require(0 < start_s <= block.timestamp_s, f"its snapshot is of {start_s}, after the block")
    yearly = start_raw * growth
    if scaled is None:
        require(
            a["getMaxRatioGrowthPerSecond"] == yearly // BPS // YEAR_S,
            "its growth per second does not follow from snapshot and yearly growth",
        )
    else:
        require(
            scaled == yearly * SCALE // BPS // YEAR_S and a["getMaxRatioGrowthPerSecond"] == scaled // SCALE,
            "its scaled growth per second does not follow from snapshot and yearly growth",
        )
    settings = RatioCapSettings(
        decimals,
        start_raw,
        start_s,
        growth,
        scaled is not None,
        a["MINIMUM_SNAPSHOT_DELAY"],
        a["MAXIMUM_SNAPSHOT_TERM"],
    )
    legs = _legs((Role.RATIO, a["RATIO_PROVIDER"]), (Role.BASE, a["BASE_TO_USD_AGGREGATOR"]))
    return Fit(Kind.RATIO_CAP, settings, legs, ratio_raw=ratio)


def _stable_cap(address: str, block: Header, a: Answers) -> Fitting:
    yield from ()
    require(a["getPriceCap"] > 0, f"its cap is {a['getPriceCap']}")
    legs = _legs((Role.ASSET, a["ASSET_TO_USD_AGGREGATOR"]))
    return Fit(Kind.STABLE_CAP, StableCapSettings(a["getPriceCap"]), legs)


def _eur_cap(address: str, block: Header, a: Answers) -> Fitting:
    yield from ()
    decimals = _EUR_RATIO_DECIMALS if a["RATIO_DECIMALS"] is None else a["RATIO_DECIMALS"]
    require(decimals <= _MOST_RATIO_DECIMALS, f"RATIO_DECIMALS() says {decimals}")
    require(a["getPriceCapRatio"] > 0, f"its cap ratio is {a['getPriceCapRatio']}")
    legs = _legs((Role.ASSET, a["ASSET_TO_USD_AGGREGATOR"]), (Role.BASE, a["BASE_TO_USD_AGGREGATOR"]))
    return Fit(Kind.EUR_CAP, EurCapSettings(a["getPriceCapRatio"], decimals), legs)


def _discount(address: str, block: Header, a: Answers) -> Fitting:
    yield from ()
    maturity, rate, most = a["MATURITY"], a["discountRatePerYear"], a["MAX_DISCOUNT_RATE_PER_YEAR"]
    require(0 < rate <= most, f"its rate {rate} is not between 0 and its maximum {most}")
    left_s = max(maturity - block.timestamp_s, 0)
    require(a["getCurrentDiscount"] == left_s * rate // YEAR_S, "its discount is not linear in time")
    require(a["getCurrentDiscount"] < WAD, "its discount is 100 % or more")
    legs = _legs((Role.ASSET, a["ASSET_TO_USD_AGGREGATOR"]))
    return Fit(Kind.DISCOUNT, DiscountSettings(maturity, rate, most), legs)


def _peg_to_base(address: str, block: Header, a: Answers) -> Fitting:
    yield from ()
    legs = _legs((Role.ASSET, a["ASSET_TO_PEG"]), (Role.PEG, a["PEG_TO_BASE"]))
    return Fit(Kind.PEG_TO_BASE, legs=legs)


def _base_to_peg(address: str, block: Header, a: Answers) -> Fitting:
    yield from ()
    legs = _legs((Role.ASSET, a["ASSET_TO_PEG"]), (Role.BASE, a["BASE_TO_PEG"]))
    return Fit(Kind.BASE_TO_PEG, legs=legs)


def _fixed(address: str, block: Header, a: Answers) -> Fitting:
    yield from ()
    stated = a["ONE_USD"] if a["price"] is None else a["price"]
    require(stated == a["latestAnswer"], f"it states {stated} and answers {a['latestAnswer']}")
    return Fit(Kind.FIXED)


def _legs(*legs: tuple[Role, str]) -> tuple[tuple[Role, str], ...]:
    for role, address in legs:
        require(address != ZERO, f"its {role.value} leg is the zero address")
    return legs


_DECIMALS = "DECIMALS()(uint8)"
_BASE = "BASE_TO_USD_AGGREGATOR()(address)"
_ASSET = "ASSET_TO_USD_AGGREGATOR()(address)"
_CAPPED = "isCapped()(bool)"
_RATIO_DECIMALS = "RATIO_DECIMALS()(uint8)"

ADAPTERS = (
    Shape(
        "ratio cap",
        marks=(_BASE, "RATIO_PROVIDER()(address)"),
        getters=(
            "getRatio()(int256)",
            _RATIO_DECIMALS,
            "getSnapshotRatio()(uint256)",
            "getSnapshotTimestamp()(uint256)",
            "getMaxYearlyGrowthRatePercent()(uint256)",
            "getMaxRatioGrowthPerSecond()(uint256)",
            _CAPPED,
        ),
        extras=(
            "getMaxRatioGrowthPerSecondScaled()(uint256)",
            "MINIMUM_SNAPSHOT_DELAY()(uint48)",
            "MAXIMUM_SNAPSHOT_TERM()(uint48)",
        ),
        # Ratio bounded from below as well.
        foreign=("getLowerBound()", "getBoundedRatio()"),
        fit=_ratio_cap,
    ),
    Shape(
        "stable cap",
        marks=(_ASSET, "getPriceCap()(int256)"),
        getters=(_CAPPED,),
        extras=(),
        foreign=(),
        fit=_stable_cap,
    ),
    Shape(
        "cap relative to a feed",
        marks=(_ASSET, _BASE, "getPriceCapRatio()(int256)"),
        getters=(_CAPPED,),
        extras=(_RATIO_DECIMALS,),
        foreign=(),
        fit=_eur_cap,
    ),
    Shape(
        "linear discount",
        marks=(_ASSET, "MATURITY()(uint256)"),
        getters=(
            "getCurrentDiscount()(uint256)",
            "discountRatePerYear()(uint64)",
            "MAX_DISCOUNT_RATE_PER_YEAR()(uint64)",
        ),
        extras=(),
        foreign=(),
        fit=_discount,
    ),
    Shape(
        "product of two feeds",
        marks=("ASSET_TO_PEG()(address)", "PEG_TO_BASE()(address)"),
        getters=(_DECIMALS,),
        extras=(),
        # Adapters of 2022 that multiply by a staking ratio too.
        foreign=("STETH()", "RETH()", "RATIO_DECIMALS()"),
        fit=_peg_to_base,
    ),
    Shape(
        "quotient of two feeds",
        marks=("ASSET_TO_PEG()(address)", "BASE_TO_PEG()(address)"),
        getters=(_DECIMALS,),
        extras=(),
        foreign=("PRICE_RATIO()",),
        fit=_base_to_peg,
    ),
    Shape(
        "fixed price",
        marks=("price()(int256)",),
        getters=(_DECIMALS, "ACL_MANAGER()(address)"),
        extras=(),
        foreign=(),
        fit=_fixed,
    ),
    Shape(
        "fixed price of one",
        marks=("ONE_USD()(int256)",),
        getters=(_DECIMALS,),
        extras=(),
        foreign=(),
        fit=_fixed,
    ),
)
