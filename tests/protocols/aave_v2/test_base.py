"""What a v2 market counts in and what that is worth, from best source to last."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode

from abis.errors import UnsupportedVersion
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v2.addresses import ZERO
from protocols.aave_v2.base import Probes, base_currency, read_probes
from protocols.snapshot import BaseCurrency, Reserve
from tests.protocols.aave_v2.contracts import BLOCK, run, word

ORACLE, FEED, WETH, OTHER = (f"0x{k:040x}" for k in (0x21, 0x22, 0x23, 0x24))
DOLLAR = "0x10F7Fc1F91Ba351f9C629c5947AD69bD03C05b96"
ETHER = 10**18
NOTHING = Probes(None, None, None, None)


def reserve(symbol: str, price_raw: int, asset: str = OTHER) -> Reserve:
    return Reserve(asset, symbol, 18, price_raw, 0, 0, 0)


IN_ETHER = (
    reserve("WETH", ETHER, WETH),
    reserve("USDC", ETHER // 2000),
    reserve("DAI", ETHER // 2100),
    reserve("USDT", ETHER // 2050),
    reserve("LINK", ETHER // 150),
)


def base_of(
    reserves: tuple[Reserve, ...] = IN_ETHER, **answers: Any
) -> tuple[BaseCurrency, list[tuple[FindingKind, Severity]], list[Finding]]:
    findings: list[Finding] = []
    known: dict[str, Any] = {"currency": None, "unit_raw": None, "weth": None, "dollar_raw": None}
    base = base_currency(Probes(**(known | answers)), ORACLE, reserves, BLOCK, findings)
    return base, [(f.kind, f.severity) for f in findings], findings


def test_every_answer_is_asked_for_once() -> None:
    rounds = abi_encode(["uint80", "int256", "uint256", "uint256", "uint80"], [1, 5, 6, 7, 1])
    answers = {
        (ORACLE, "BASE_CURRENCY()"): word(WETH),
        (ORACLE, "BASE_CURRENCY_UNIT()"): word(ETHER),
        (ORACLE, "WETH()"): word(WETH),
        (ORACLE, "getAssetPrice(address)"): word(3),
        (FEED, "latestAnswer()"): word(4),
        (FEED, "decimals()"): word(8),
        (FEED, "latestRoundData()"): rounds,
    }
    assert run(read_probes(ORACLE, FEED), answers) == Probes(WETH, ETHER, WETH, 3, FEED, 4, 8, 7)
    assert run(read_probes(ORACLE, None), answers) == Probes(WETH, ETHER, WETH, 3)
    del answers[FEED, "latestAnswer()"]
    assert run(read_probes(ORACLE, FEED), answers).feed_answer_raw == 5
    assert run(read_probes(ORACLE, FEED), {}) == Probes(None, None, None, None, FEED)


@pytest.mark.parametrize("currency", [ZERO, DOLLAR])
@pytest.mark.parametrize("unit_raw", [10**8, 10**18])
def test_the_oracles_dollar_needs_no_price(currency: str, unit_raw: int) -> None:
    reserves = (reserve("USDC", unit_raw), reserve("WETH.e", 2000 * unit_raw))
    base, findings, _ = base_of(reserves, currency=currency, unit_raw=unit_raw)
    assert (base, findings) == (BaseCurrency("USD", unit_raw, Decimal(1)), [])


def test_a_feed_beside_dollars_is_not_used_and_that_is_said() -> None:
    feed = {"feed": FEED, "feed_answer_raw": 2 * 10**11, "feed_decimals": 8}
    base, findings, _ = base_of((reserve("USDC", 10**8),), currency=ZERO, unit_raw=10**8, **feed)
    assert base.usd == 1
    assert findings == [(FindingKind.INCONSISTENT, Severity.LOW)]


def test_an_older_oracle_counts_in_ether_or_lets_the_dollar_stand_for_it() -> None:
    assert base_of(weth=WETH, dollar_raw=ETHER // 2000)[0].symbol == "ETH"
    assert base_of((reserve("WMATIC", ETHER, WETH),), weth=WETH, dollar_raw=ETHER)[0].symbol == "WMATIC"
    base, findings, _ = base_of((reserve("USDC", ETHER),), weth=DOLLAR)
    assert (base, findings) == (BaseCurrency("USD", ETHER, Decimal(1)), [])


def test_a_feed_is_taken_to_the_last_digit_and_told_when_old() -> None:
    now = BLOCK.timestamp_s
    feed: dict[str, Any] = {
        "weth": WETH,
        "feed": FEED,
        "feed_answer_raw": 204_912_345_678,
        "feed_decimals": 8,
    }
    base, findings, _ = base_of(**feed, feed_updated_at_s=now - 86_400)
    assert (base, findings) == (BaseCurrency("ETH", ETHER, Decimal("2049.12345678")), [])
    _, findings, notes = base_of(**feed, feed_updated_at_s=now - 90_000)
    assert findings == [(FindingKind.STALE, Severity.MEDIUM)]
    assert "25.0 hours" in notes[0].message
    assert base_of(**feed)[1] == []  # a feed that does not tell its time


@pytest.mark.parametrize(
    "answered",
    [{}, {"feed_answer_raw": 0, "feed_decimals": 8}, {"feed_answer_raw": -1, "feed_decimals": 8}],
)
def test_a_feed_without_an_answer_gives_way_to_the_oracles_dollar(answered: dict[str, Any]) -> None:
    base, findings, _ = base_of(weth=WETH, feed=FEED, dollar_raw=ETHER // 2000, **answered)
    assert base.usd == 2000
    assert findings == [(FindingKind.ORACLE, Severity.MEDIUM), (FindingKind.UNVERIFIED, Severity.LOW)]


def test_the_median_of_dollar_tokens_is_the_last_resort() -> None:
    base, findings, notes = base_of(weth=WETH)
    assert base.usd == pytest.approx(Decimal(2050), rel=Decimal("1e-9"))
    assert findings == [(FindingKind.UNVERIFIED, Severity.MEDIUM)]
    assert "the median of what USDC, DAI, USDT cost" in notes[0].message
    one_off_peg = (*IN_ETHER[:3], reserve("USDT", ETHER // 9000), IN_ETHER[4])
    assert base_of(one_off_peg, weth=WETH)[0].usd == pytest.approx(Decimal(2100), rel=Decimal("1e-9"))


def test_without_any_price_of_a_dollar_the_market_is_refused() -> None:
    with pytest.raises(UnsupportedVersion, match="counts in ETH, and nothing on the chain") as caught:
        base_of((IN_ETHER[0], reserve("USDC", 0)), weth=WETH)
    assert "base_usd_feed" in caught.value.remedy


@pytest.mark.parametrize(
    ("reserves", "symbol", "unit_raw"),
    [
        ((reserve("USDC", 99_000_000), reserve("WETH", 2000 * 10**8)), "USD", 10**8),
        ((reserve("USDC.e", 99 * 10**16), reserve("WETH", 2000 * ETHER)), "USD", ETHER),
        (IN_ETHER, "ETH", ETHER),
    ],
)
def test_an_oracle_that_names_nothing_is_told_by_its_prices(
    reserves: tuple[Reserve, ...], symbol: str, unit_raw: int
) -> None:
    base, findings, _ = base_of(reserves, dollar_raw=ETHER // 2050 if symbol == "ETH" else None)
    assert (base.symbol, base.unit_raw) == (symbol, unit_raw)
    assert findings[0] == (FindingKind.UNVERIFIED, Severity.MEDIUM)


def test_an_oracle_that_nothing_tells_is_refused() -> None:
    with pytest.raises(UnsupportedVersion, match=f"{ORACLE} names no base currency"):
        base_of((reserve("LINK", 10**8), reserve("WETH", 7)))
    with pytest.raises(UnsupportedVersion):
        base_currency(NOTHING, ORACLE, (), BLOCK, [])


def test_a_feed_that_contradicts_the_dollar_tokens_is_noticed() -> None:
    wrong: dict[str, Any] = {
        "weth": WETH,
        "feed": FEED,
        "feed_answer_raw": 6_000_000_000_000,
        "feed_decimals": 8,
    }
    base, findings, notes = base_of(**wrong)
    assert base.usd == 60_000
    assert findings == [(FindingKind.INCONSISTENT, Severity.HIGH)]
    assert "29.27 dollars" in notes[0].message
