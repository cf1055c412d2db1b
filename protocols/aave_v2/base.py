"""The currency a v2 market counts in, and what it is worth in US dollars.

Aave's main market counts in ether, so every US-dollar figure needs a price of ether.
From the best source to the last: a feed configured for the market; the oracle's own price
of the dollar; the oracle's prices of dollar tokens, which are off by as much as those are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from abis.calls import Call
from abis.chain import Header, Reading
from abis.errors import UnsupportedVersion
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v2.addresses import ZERO
from protocols.snapshot import BaseCurrency, Reserve

# UiPoolDataProvider.sol MOCK_USD_ADDRESS: stands for the US dollar in oracles of v2.
_DOLLAR = "0x10F7Fc1F91Ba351f9C629c5947AD69bD03C05b96"
_DOLLAR_TOKENS = frozenset({"USDC", "USDT", "DAI", "BUSD", "TUSD", "GUSD", "USDP", "FRAX"})
_ETHER = frozenset({"WETH", "ETH", ""})
_ETHER_UNIT = 10**18  # AaveOracle.sol: the price of WETH is 1 ether
_USD_UNITS = (10**8, 10**18)
_NEAR = 0.25  # how far a dollar token's price may be off to tell the base currency
_OFF_PEG = 0.10  # beyond it, base currency and dollar tokens contradict each other
_STALE_S = 86_400
_DIGITS = 12  # decimals kept of a price that is no feed's answer


@dataclass(frozen=True, slots=True)
class Probes:
    """What the oracle and the feed answered; None where they did not.

    Parameters
    ----------
    currency : str or None
        ``BASE_CURRENCY``: what stands for the US dollar, or a token (newer oracles).
    unit_raw : int or None
        ``BASE_CURRENCY_UNIT``.
    weth : str or None
        ``WETH``: the token whose price is one ether (older oracles).
    dollar_raw : int or None
        The oracle's price of the dollar.
    feed : str
        The configured feed, empty without one.
    feed_answer_raw, feed_decimals, feed_updated_at_s : int or None
        What it answered.
    """

    currency: str | None
    unit_raw: int | None
    weth: str | None
    dollar_raw: int | None
    feed: str = ""
    feed_answer_raw: int | None = None
    feed_decimals: int | None = None
    feed_updated_at_s: int | None = None


def read_probes(oracle: str, feed: str | None) -> Reading[Probes]:
    """Ask the oracle what it counts in, and the feed what that is worth."""
    calls = [
        Call(oracle, "BASE_CURRENCY()(address)", optional=True),
        Call(oracle, "BASE_CURRENCY_UNIT()(uint256)", optional=True),
        Call(oracle, "WETH()(address)", optional=True),
        Call(oracle, "getAssetPrice(address)(uint256)", (_DOLLAR,), optional=True),
    ]
    if feed:
        calls += [
            Call(feed, "latestAnswer()(int256)", optional=True),
            Call(feed, "decimals()(uint8)", optional=True),
            Call(feed, "latestRoundData()(uint80,int256,uint256,uint256,uint80)", optional=True),
        ]
    currency, unit_raw, weth, dollar_raw, *told = yield calls
    answer, decimals, round_data = told or (None, None, None)
    if answer is None and round_data is not None:
        answer = round_data[1]
    return Probes(
        currency=currency,
        unit_raw=unit_raw,
        weth=weth,
        dollar_raw=dollar_raw,
        feed=feed or "",
        feed_answer_raw=answer,
        feed_decimals=decimals,
        feed_updated_at_s=None if round_data is None else round_data[3],
    )


def base_currency(
    probes: Probes, oracle: str, reserves: Sequence[Reserve], block: Header, findings: list[Finding]
) -> BaseCurrency:
    """Return the currency with its price in US dollars; every assumption becomes a finding.

    Raises
    ------
    UnsupportedVersion
        If the currency or its price cannot be told.
    """
    dollars = [r for r in reserves if _is_dollar(r.symbol) and r.price_raw]
    symbol, unit_raw = _currency(probes, oracle, reserves, dollars, findings)
    if symbol == "USD":
        base = BaseCurrency("USD", unit_raw, Decimal(1))
        if probes.feed:
            findings.append(_not_needed(probes.feed))
    else:
        usd = _usd(probes, oracle, symbol, unit_raw, dollars, block, findings)
        base = BaseCurrency(symbol, unit_raw, usd)
    _check_dollars(base, dollars, findings)
    return base


def _is_dollar(symbol: str) -> bool:
    return symbol.upper().removesuffix(".E") in _DOLLAR_TOKENS


def _currency(
    probes: Probes,
    oracle: str,
    reserves: Sequence[Reserve],
    dollars: Sequence[Reserve],
    findings: list[Finding],
) -> tuple[str, int]:
    """Return symbol and unit, from the oracle's getters or else from its prices."""
    if probes.currency is not None and probes.unit_raw:
        if probes.currency in (ZERO, _DOLLAR):
            return "USD", probes.unit_raw
        return _symbol(probes.currency, reserves), probes.unit_raw
    if probes.weth not in (None, ZERO):
        return "USD" if probes.weth == _DOLLAR else _symbol(str(probes.weth), reserves), _ETHER_UNIT
    for unit_raw in _USD_UNITS:
        if dollars and abs(median(r.price_raw for r in dollars) / unit_raw - 1) < _NEAR:
            findings.append(_inferred(oracle, "US dollars", unit_raw, dollars[0]))
            return "USD", unit_raw
    for r in reserves:
        if r.price_raw == _ETHER_UNIT and r.symbol in ("WETH", "ETH"):
            findings.append(_inferred(oracle, "ether", _ETHER_UNIT, r))
            return "ETH", _ETHER_UNIT
    raise UnsupportedVersion(
        f"price oracle {oracle} names no base currency, and its prices do not tell one.",
        remedy="Import the market from files with 'breakwater import', where you name it.",
    )


def _symbol(token: str, reserves: Sequence[Reserve]) -> str:
    symbol = next((r.symbol for r in reserves if r.asset == token), "")
    return "ETH" if symbol in _ETHER else symbol


def _usd(
    probes: Probes,
    oracle: str,
    symbol: str,
    unit_raw: int,
    dollars: Sequence[Reserve],
    block: Header,
    findings: list[Finding],
) -> Decimal:
    """Return US dollars per whole base currency, from the best source that answers."""
    if probes.feed_answer_raw is not None and probes.feed_answer_raw > 0 and probes.feed_decimals is not None:
        _note_age(probes, block, findings)
        return Decimal(probes.feed_answer_raw).scaleb(-probes.feed_decimals)
    if probes.feed:
        findings.append(_unreadable(probes.feed, symbol))
    if probes.dollar_raw:
        usd = _inverse(unit_raw, probes.dollar_raw)
        source = f"the price oracle's own price of the dollar, registered under {_DOLLAR}"
        findings.append(_proxy(Severity.LOW, oracle, symbol, usd, source))
        return usd
    if dollars:
        usd = median(_inverse(unit_raw, r.price_raw) for r in dollars)
        source = f"the median of what {', '.join(r.symbol for r in dollars)} cost, which is off by as much"
        findings.append(_proxy(Severity.MEDIUM, oracle, symbol, usd, source + " as those are off a dollar"))
        return usd
    raise UnsupportedVersion(
        f"the market counts in {symbol}, and nothing on the chain tells its price in US dollars.",
        remedy="Name a feed in your markets file: base_usd_feed (docs/markets.md).",
    )


def _inverse(unit_raw: int, price_raw: int) -> Decimal:
    return Decimal(unit_raw * 10**_DIGITS // price_raw).scaleb(-_DIGITS)


def _check_dollars(base: BaseCurrency, dollars: Sequence[Reserve], findings: list[Finding]) -> None:
    """Hold the base currency's price to the prices of dollar tokens."""
    if not dollars:
        return
    usd = median(r.price_raw for r in dollars) * base.usd_per_raw
    if abs(usd - 1) > _OFF_PEG:
        findings.append(
            Finding(
                FindingKind.INCONSISTENT,
                Severity.HIGH,
                base.symbol,
                f"At {base.usd:f} US dollars per {base.symbol} the median dollar token costs {usd:.4g} "
                "dollars: either those lost their peg, or the market counts in something else.",
                remedy="Check the base currency's feed; every figure in US dollars depends on it.",
            )
        )


def _note_age(probes: Probes, block: Header, findings: list[Finding]) -> None:
    if probes.feed_updated_at_s is None or block.timestamp_s - probes.feed_updated_at_s <= _STALE_S:
        return
    age_h = (block.timestamp_s - probes.feed_updated_at_s) / 3600
    findings.append(
        Finding(
            FindingKind.STALE,
            Severity.MEDIUM,
            probes.feed,
            f"The feed of the base currency last answered {age_h:,.1f} hours before the block.",
        )
    )


def _inferred(oracle: str, currency: str, unit_raw: int, by: Reserve) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.MEDIUM,
        oracle,
        f"The price oracle names no base currency; that {by.symbol} costs {by.price_raw} suggests {currency} "
        f"in units of 1/{unit_raw}.",
    )


def _proxy(severity: Severity, oracle: str, symbol: str, usd: Decimal, source: str) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        severity,
        oracle,
        f"No feed prices {symbol} in US dollars; 1 {symbol} = {usd:.2f} USD is taken from {source}.",
        remedy="Name a feed in your markets file: base_usd_feed.",
    )


def _unreadable(feed: str, symbol: str) -> Finding:
    return Finding(
        FindingKind.ORACLE,
        Severity.MEDIUM,
        feed,
        f"The feed configured for the price of {symbol} in US dollars has no positive answer at this block.",
        remedy="Check base_usd_feed.",
    )


def _not_needed(feed: str) -> Finding:
    return Finding(
        FindingKind.INCONSISTENT,
        Severity.LOW,
        feed,
        "A feed is configured for the base currency, but the market counts in US dollars; it is not used.",
    )
