from __future__ import annotations

import pytest
from eth_utils.address import is_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from abis.errors import NotAMarket
from protocols.registry import MARKETS, is_readable, resolve

PROVIDER = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"  # Aave v3 Ethereum


def test_every_listed_market_resolves_to_itself_and_has_a_sound_address() -> None:
    assert len(MARKETS) >= 20
    for name, spec in MARKETS.items():
        assert resolve(name) is spec
        assert resolve(f" {name.upper()} ") is spec
        assert is_checksum_address(spec.address)
        assert spec.steward is None or is_checksum_address(spec.steward)
        assert name.startswith(spec.protocol)
        assert spec.chain_id


def test_two_markets_are_the_same_only_on_different_chains() -> None:
    places = [(spec.chain_id, spec.address) for spec in MARKETS.values()]
    assert len(set(places)) == len(places)


def test_ethereum_is_the_market_of_the_address_book() -> None:
    spec = resolve("aave-v3-ethereum")
    assert (spec.address, spec.chain_id) == (PROVIDER, 1)


def test_spark_is_named_and_read_like_the_release_it_is_a_fork_of() -> None:
    spec = resolve("spark-ethereum")
    assert (spec.protocol, spec.chain_id) == ("spark", 1)
    assert spec.address == "0x02C3eA4e34C0cBd694D2adFa2c690EECbC1793eE"
    assert resolve("spark-gnosis").chain_id == 100
    assert is_readable("spark")
    assert resolve(f"spark:{spec.address}").protocol == "spark"


def test_an_address_names_a_market_of_any_chain() -> None:
    spec = resolve(f"aave-v3:{PROVIDER}")
    assert (spec.address, spec.protocol, spec.chain_id) == (PROVIDER, "aave-v3", None)
    assert spec.name == f"aave-v3:{PROVIDER}"


@given(raw=st.binary(min_size=20, max_size=20).filter(any))
def test_reg_1_every_way_to_write_an_address_names_the_same_market(raw: bytes) -> None:
    """REG-1: an address names the same market in lower, upper and checksummed case."""
    spec = resolve(f"aave-v3:0x{raw.hex()}")
    assert is_checksum_address(spec.address)
    assert bytes.fromhex(spec.address[2:]) == raw
    assert resolve(f"AAVE-V3:0x{raw.hex().upper()}") == spec
    assert resolve(spec.name) == spec


@given(raw=st.binary(min_size=20, max_size=20).filter(any), place=st.integers(2, 41))
def test_reg_2_one_letter_of_the_wrong_case_is_noticed(raw: bytes, place: int) -> None:
    """REG-2: a checksummed address with one letter of the wrong case is refused."""
    good = resolve(f"aave-v3:0x{raw.hex()}").address
    bad = good[:place] + good[place].swapcase() + good[place + 1 :]
    digits = bad[2:]
    if bad != good and digits not in (digits.lower(), digits.upper()):
        with pytest.raises(NotAMarket, match="checksum"):
            resolve(f"aave-v3:{bad}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("aave-v3-etherum", r"no market is called 'aave-v3-etherum'.*Nearest: aave-v3-ethereum"),
        ("zzzzzzzz", r"no market is called.*Known: aave-v3-arbitrum"),
        ("", "no market is called"),
        (PROVIDER, r"no market is called.*aave-v3:0x"),
        (f"compound:{PROVIDER}", r"'compound' is no protocol.*aave-v3"),
        ("aave-v3:", "no address"),
        ("aave-v3:0x1234", "no address"),
        (f"aave-v3:{PROVIDER}00", "no address"),
        (f"aave-v3:{PROVIDER[:-1]}g", "no address"),
        (f"aave-v3:{PROVIDER.replace('f', 'F', 1)}", "checksum"),
        ("aave-v3:0x" + "0" * 40, "zero address"),
    ],
)
def test_what_is_no_market_is_refused_with_a_remedy(text: str, says: str) -> None:
    with pytest.raises(NotAMarket, match=says) as caught:
        resolve(text)
    assert caught.value.exit_code == 2
    assert caught.value.remedy
