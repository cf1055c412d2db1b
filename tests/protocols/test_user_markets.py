"""A user's own markets: what is taken, what is refused and how it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from abis.errors import InputError, MalformedFile, UnsupportedVersion
from protocols.registry import MARKETS, refuse_unreadable, resolve
from protocols.user_markets import USER_FILE, known_markets, parse_markets

PROVIDER = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
STEWARD = "0x13a9CC64344b02bACC5AD9Cf38B5711F1B9ec3d4"
GOOD = f"""
[markets.my-fork]
protocol = "aave-v3"
chain_id = 8453
address = "{PROVIDER.lower()}"
steward = "{STEWARD}"
first_block = 7

[markets.old]
protocol = "aave-v2"
chain_id = 1
address = "{PROVIDER}"
"""


def test_a_file_adds_markets_and_takes_none_away(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD)
    known = known_markets(file)
    assert set(known) == {*MARKETS, "my-fork", "old"}
    assert all(known[name] is spec for name, spec in MARKETS.items())
    spec = resolve("My-Fork", known)
    assert (spec.address, spec.chain_id, spec.steward, spec.first_block) == (PROVIDER, 8453, STEWARD, 7)
    assert spec.source == USER_FILE
    assert (resolve("old", known).steward, resolve("old", known).first_block) == (None, None)


def test_the_file_in_the_home_folder_is_read_when_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert known_markets() is MARKETS
    folder = tmp_path / ".config" / "breakwater"
    folder.mkdir(parents=True)
    (folder / "markets.toml").write_text(GOOD)
    assert "my-fork" in known_markets()


def test_a_market_without_a_reader_is_refused_by_name() -> None:
    spec = replace(resolve("aave-v2-ethereum"), protocol="aave-v9")
    with pytest.raises(UnsupportedVersion, match="aave-v2-ethereum is an aave-v9 market") as caught:
        refuse_unreadable(spec)
    assert caught.value.exit_code == 2
    for name in ("aave-v2-ethereum", "aave-v3-ethereum"):
        refuse_unreadable(resolve(name))


def test_a_feed_of_the_base_currency_and_a_release_to_assume_are_taken_over() -> None:
    more = f'base_usd_feed = "{STEWARD.lower()}"\nrelease = "2.0"\n'
    old = parse_markets(GOOD + more, "m.toml")["old"]
    assert (old.base_usd_feed, old.release) == (STEWARD, "2.0")
    new = parse_markets(changed("first_block = 7", 'release = "3.1"'), "m.toml")["my-fork"]
    assert (new.base_usd_feed, new.release) == (None, "3.1")


def changed(line: str, by: str) -> str:
    assert line in GOOD
    return GOOD.replace(line, by, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            changed("chain_id = 8453", ""),
            r"m\.toml: markets\.my-fork\.chain_id is missing\. Needed: protocol",
        ),
        (changed("chain_id = 8453", 'chain_id = "8453"'), r"my-fork\.chain_id = '8453' is no integer of 1"),
        (changed("chain_id = 8453", "chain_id = true"), r"chain_id = True is no integer"),
        (changed("chain_id = 8453", "chain_id = 0"), r"chain_id = 0 is no integer of 1 or more"),
        (changed("chain_id = 8453", f"chain_id = {2**60}"), r"chain_id = \d+ is no integer"),
        (changed("first_block = 7", "first_block = -1"), r"first_block = -1 is no integer of 0"),
        (changed('"aave-v3"', '"aave-v4"'), r"protocol = 'aave-v4' is no protocol\. Known: aave-v2, aave-v3"),
        (GOOD + 'release = "3.0"', r"old\.release = '3\.0' is no release of aave-v2\. Known: 2\.0\."),
        (GOOD + "release = 2.0", r"old\.release = 2\.0 is no release"),
        (GOOD + 'base_usd_feed = "0x12"', r"old\.base_usd_feed = '0x12'.*no address"),
        (changed('"aave-v3"', "[3]"), r"protocol = \[3\] is no protocol"),
        (changed("steward", "stewart"), r"unknown key 'stewart' = '0x13.*Nearest: steward"),
        (changed("[markets.old]", "[market.old]"), r"m\.toml: unknown key 'market'.*Nearest: markets"),
        (changed(STEWARD, STEWARD[:-1]), r"steward = '0x13\w+': '0x13\w+' is no address"),
        (changed(STEWARD, STEWARD.replace("a", "A")), r"fails its checksum"),
        (changed(f'"{PROVIDER}"', "12"), r"markets\.old\.address = 12: '12' is no address"),
        (changed("my-fork", "My-Fork"), r"'My-Fork' is no name"),
        (changed("my-fork", "aave-v3-base"), r"aave-v3-base: the name is built in"),
        ("markets = 3", r"markets = 3 is no table"),
        ("[markets]\nx = 3", r"markets\.x = 3 is no table"),
    ],
)
def test_a_wrong_entry_is_named_with_its_value(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse_markets(text, "m.toml")
    assert caught.value.remedy


def test_what_is_no_toml_or_cannot_be_read_is_a_malformed_file(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile, match=r"'m.toml' is no TOML: Expected"):
        parse_markets("[markets", "m.toml")
    with pytest.raises(MalformedFile, match=r"cannot read .*: No such file"):
        known_markets(tmp_path / "absent.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# \xe9")
    with pytest.raises(MalformedFile, match="it is no UTF-8"):
        known_markets(latin)
