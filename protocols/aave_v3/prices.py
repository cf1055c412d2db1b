"""What the oracle says of each asset, and what the chain says about the feed behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from abis.calls import Call, decode_text
from abis.chain import Reading
from abis.errors import BadReturn, UnsupportedVersion
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.addresses import ZERO
from protocols.snapshot import BaseCurrency, Feed
from protocols.texts import bounded


@dataclass(frozen=True, slots=True)
class Quote:
    """Price in base-currency units (0 if unreadable), and the feed if a source is registered."""

    price_raw: int
    feed: Feed | None


def read_base_currency(oracle: str) -> Reading[BaseCurrency]:
    """Return the currency the market counts in.

    Raises
    ------
    UnsupportedVersion
        If it is not the US dollar (``BASE_CURRENCY`` is then a token).
    """
    currency, unit = yield [
        Call(oracle, "BASE_CURRENCY()(address)"),
        Call(oracle, "BASE_CURRENCY_UNIT()(uint256)"),
    ]
    if currency != ZERO:
        raise UnsupportedVersion(
            f"the market counts in the token {currency}, not in US dollars.",
            remedy="Markets with another base currency are not supported on Aave v3.",
        )
    return BaseCurrency("USD", unit, Decimal(1))


def read_quotes(oracle: str, assets: Sequence[str], findings: list[Finding]) -> Reading[list[Quote]]:
    """Return one quote an asset; what cannot be read is noted in ``findings``.

    AaveOracle.sol ``getAssetsPrices`` reverts as a whole if one price does; then each is
    asked for alone.
    """
    prices, *sources = yield [
        Call(oracle, "getAssetsPrices(address[])(uint256[])", (list(assets),), optional=True),
        *(Call(oracle, "getSourceOfAsset(address)(address)", (a,), optional=True) for a in assets),
    ]
    distinct = sorted({s for s in sources if s not in (None, ZERO)})
    calls = [call for s in distinct for call in _feed_calls(s)]
    if prices is None or len(prices) != len(assets):
        alone = [Call(oracle, "getAssetPrice(address)(uint256)", (a,), optional=True) for a in assets]
        facts = yield [*calls, *alone]
        prices = facts[len(calls) :]
    else:
        facts = yield calls
    for asset, price in zip(assets, prices, strict=True):
        if not price:
            findings.append(_no_price(asset, price))
    width = len(_feed_calls(ZERO))
    feeds = {s: _feed(s, facts[i * width : (i + 1) * width], findings) for i, s in enumerate(distinct)}
    return [Quote(price or 0, feeds.get(s)) for price, s in zip(prices, sources, strict=True)]


def _feed_calls(source: str) -> list[Call]:
    # Every one is optional: a source only has to answer latestAnswer().
    return [
        Call(source, "latestAnswer()(int256)", optional=True),
        Call(source, "latestRoundData()(uint80,int256,uint256,uint256,uint80)", optional=True),
        Call(source, "decimals()(uint8)", optional=True),
        Call(source, "description()", optional=True),
        Call(source, "aggregator()(address)", optional=True),
    ]


def _feed(source: str, facts: Sequence[Any], findings: list[Finding]) -> Feed:
    answer, round_data, decimals, description, aggregator = facts
    if answer is None and round_data is not None:
        answer = round_data[1]
    return Feed(
        source=source,
        description=bounded(_text(description), "feed description", source, findings),
        decimals=-1 if decimals is None else decimals,
        answer_raw=answer or 0,
        updated_at_s=round_data[3] if round_data is not None else 0,
        aggregator="" if aggregator in (None, ZERO) else aggregator,
    )


def _text(data: bytes | None) -> str:
    try:
        return decode_text(data or b"")
    except BadReturn:
        return ""


def _no_price(asset: str, price: int | None) -> Finding:
    said = "cannot be read: the oracle reverts" if price is None else "is 0"
    return Finding(
        FindingKind.ORACLE,
        Severity.HIGH,
        asset,
        f"The oracle price {said}; it counts as 0 here, and the pool refuses what needs it.",
        remedy="Check the asset's price source.",
    )
