"""A market in which every special state of an account can occur.

Real markets hold few of them at a time.  Prices are in US dollars with 8 decimals; v2
counts in ether and gets the same prices converted.
"""

from __future__ import annotations

from dataclasses import replace

from .spec import EModeSpec, FeedSpec, MarketSpec, RateSpec, ReserveSpec

USD_UNIT = 10**8
_ETHER_UNIT = 10**18
_DOLLAR_RATE = RateSpec(optimal_usage_bps=9000, base_bps=0, slope1_bps=550, slope2_bps=6000)
_OTHER_RATE = RateSpec(optimal_usage_bps=4500, base_bps=100, slope1_bps=700, slope2_bps=30000)

# What happens to these after the accounts have opened; see `random_accounts`.
FROZEN, PAUSED, WITHOUT_LTV, ISOLATED, SILOED = "FROZ", "PAUS", "NOLTV", "ISO", "SILO"
WORTHLESS = "MICRO"  # a token whose smallest units are worth less than one base unit
ETHER_EMODE, DOLLAR_EMODE, LOAN_EMODE = 1, 2, 3


def _reserve(
    symbol: str, decimals: int, price_raw: int, collateral: tuple[int, int, int], **more: object
) -> ReserveSpec:
    ltv_bps, threshold_bps, bonus_bps = collateral
    common = ReserveSpec(
        symbol=symbol,
        name=f"Token {symbol}",
        decimals=decimals,
        ltv_bps=ltv_bps,
        liquidation_threshold_bps=threshold_bps,
        liquidation_bonus_bps=bonus_bps,
        reserve_factor_bps=1500,
        liquidation_protocol_fee_bps=1000,
        supply_cap_tokens=0,
        borrow_cap_tokens=0,
        borrowing_enabled=True,
        borrowable_in_isolation=False,
        flash_loan_enabled=True,
        emode=0,
        rate=_OTHER_RATE,
        feed=FeedSpec(f"{symbol} / USD", price_raw, 50, 3600),
    )
    return replace(common, **more)  # type: ignore[arg-type]


_NO_COLLATERAL = (0, 0, 0)
_RESERVES = (
    _reserve("WETH", 18, 257_846_174_800, (8050, 8300, 10500), emode=ETHER_EMODE, stable_borrowing=True),
    _reserve("wstETH", 18, 311_268_103_854, (7850, 8100, 10600), emode=ETHER_EMODE),
    _reserve("USDT", 6, 100_021_345, _NO_COLLATERAL, borrowable_in_isolation=True, rate=_DOLLAR_RATE),
    _reserve("WBTC", 8, 10_962_167_372_468, (7300, 7800, 10500), liquidation_protocol_fee_bps=0),
    _reserve(
        "USDC",
        6,
        99_987_654,
        (7500, 7800, 10450),
        emode=DOLLAR_EMODE,
        borrowable_in_isolation=True,
        stable_borrowing=True,
        rate=_DOLLAR_RATE,
    ),
    _reserve(
        "DAI",
        18,
        99_991_234,
        (6300, 7700, 10500),
        emode=DOLLAR_EMODE,
        borrowable_in_isolation=True,
        stable_borrowing=True,
        rate=_DOLLAR_RATE,
    ),
    _reserve("GUSD", 2, 100_000_000, (6000, 7000, 10800), rate=_DOLLAR_RATE),
    _reserve(ISOLATED, 18, 1_234_567_890, (5000, 6000, 11000), debt_ceiling_usd_cents=10**11),
    _reserve(SILOED, 18, 321_098_765, (4000, 5000, 11000), siloed_borrowing=True),
    _reserve(FROZEN, 18, 770_011_223, (6500, 7000, 11000)),
    _reserve(PAUSED, 18, 4_560_044_556, (6500, 7000, 10900)),
    _reserve(WITHOUT_LTV, 18, 990_077_889, (5000, 6500, 11000), liquidation_protocol_fee_bps=2000),
    _reserve(WORTHLESS, 18, 3, (3000, 4000, 11500)),
)
_EMODES = (
    EModeSpec(ETHER_EMODE, "Ether", 9300, 9500, 10100),
    # Tether is no collateral outside this category.
    EModeSpec(DOLLAR_EMODE, "Dollars", 9000, 9200, 10200, collateral=("USDT",), borrowable=("USDT",)),
)
_LOANS = EModeSpec(
    LOAN_EMODE,
    "Dollars against ether",
    8500,
    8800,
    10350,
    collateral=("WETH", "wstETH"),
    borrowable=("USDC", "USDT"),
)


def random_market(version: str) -> MarketSpec:
    """Return the market for a release, in the currency the release counts in."""
    market = in_dollars(version)
    if version != "2.0":
        return market
    return replace(market, reserves=tuple(_in_ether(each) for each in market.reserves))


def in_dollars(version: str) -> MarketSpec:
    """Return the market for a release with prices in US dollars, whatever it counts in."""
    name = f"Random accounts v{version}"
    if version == "2.0":
        return MarketSpec(name, (), _RESERVES)
    if version == "3.0":
        return MarketSpec(name, _EMODES, _RESERVES)
    # Since v3.1 a token has six decimals or more; since v3.2 it may be in several categories.
    finer = tuple(replace(each, decimals=max(each.decimals, 6)) for each in _RESERVES)
    return MarketSpec(name, (*_EMODES, _LOANS), finer)


def _in_ether(reserve: ReserveSpec) -> ReserveSpec:
    ether_raw = _RESERVES[0].feed.price_raw
    feed = replace(
        reserve.feed,
        description=f"{reserve.symbol} / ETH",
        price_raw=reserve.feed.price_raw * _ETHER_UNIT // ether_raw,
        decimals=18,
    )
    return replace(reserve, feed=feed)
