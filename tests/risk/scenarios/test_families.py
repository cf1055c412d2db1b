from __future__ import annotations

from risk.scenarios.families import chain, link_of, links, stables


def test_no_chain_runs_in_a_circle() -> None:
    for symbol in links():
        names = chain(symbol, symbol)
        assert len(set(names)) == len(names) >= 2


def test_pendle_tokens_are_matched_by_their_pattern() -> None:
    link = link_of("PT-sUSDE-27NOV2025")
    assert link is not None
    assert (link.follows, link.kind) == ("USDe", "principal")
    assert link_of("PT-other-27NOV2025") is None


def test_every_link_says_what_holds_the_ratio() -> None:
    assert all(link.source and link.kind in KINDS for link in links().values())


def test_stables_are_tops() -> None:
    assert not set(stables()) & set(links())


KINDS = {"native", "staked", "wrapped", "savings", "principal"}
