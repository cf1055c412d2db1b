"""The default batch of a review: every move the market could be asked about, one by one.

Levels are fixed and documented (docs/scenarios.md); weights are 1 and are no probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from protocols.snapshot import Snapshot
from risk.scenarios.build import combine, from_shocks
from risk.scenarios.families import MARKET, Tree, is_stable, link_of, tree_of
from risk.scenarios.scenarios import Scenarios
from risk.scenarios.shocks import Shock, parse_percent

DOWN = tuple(range(-5, -61, -5))  # percent, volatile assets
UP = tuple(range(10, 101, 10))  # percent, volatile assets somebody owes
STABLE_DOWN = ("-1", "-5", "-13")  # -13 % was USDC's low on 2023-03-11
STABLE_UP = ("+2", "+5")  # for stables somebody owes
PAIR_DOWN = ("-2", "-5", "-7.5", "-10")  # stETH's lowest answer of June 2022 was -6.5 %
RATIO_KINDS = ("staked", "wrapped", "savings", "principal")  # a native wrapper cannot part


def standard_set(snapshot: Snapshot, given_betas: Mapping[str, float] | None = None) -> Scenarios:
    """Return the review's default batch.

    Parameters
    ----------
    snapshot : Snapshot
        Only assets somebody supplied or borrowed are shocked.
    given_betas : mapping of str to float, optional
        Betas that win over the shipped ones.

    Returns
    -------
    Scenarios
        Groups ``single`` (each coin with all that follows it, down; up where it is owed),
        ``pair`` (each token against what it follows) and ``market`` (the factor, both ways).
    """
    tree = tree_of(snapshot)
    supplied, owed = _used(snapshot)
    groups = {
        "single": _singles(tree, supplied | owed, owed),
        "pair": _pairs(tree, supplied | owed),
        "market": [_move(MARKET, f"{level:+d}") for level in (*DOWN, *UP)],
    }
    return combine(
        [
            from_shocks(shocks, snapshot, groups=[group] * len(shocks), given_betas=given_betas)
            for group, shocks in groups.items()
            if shocks
        ]
    )


def _used(snapshot: Snapshot) -> tuple[set[int], set[int]]:
    """Return the reserves anybody supplied, and those anybody borrowed."""
    supplied = snapshot.book.collateral.reserve[snapshot.collateral_usd > 0]
    owed = snapshot.book.debt.reserve[snapshot.debt_usd > 0]
    return set(np.unique(supplied).tolist()), set(np.unique(owed).tolist())


def _move(name: str, percent: str) -> Shock:
    # No text is parsed: a symbol may hold any character of the grammar.
    return Shock(MappingProxyType({name: parse_percent(f"{percent}%")}))


def _singles(tree: Tree, used: set[int], owed: set[int]) -> list[Shock]:
    shocks = []
    for top in tree.tops:
        members = set(np.flatnonzero(tree.holds(top)).tolist())
        if not members & used:
            continue
        stable = is_stable(top)
        shocks += [_move(top, str(v)) for v in (STABLE_DOWN if stable else DOWN)]
        if members & owed:
            shocks += [_move(top, v) for v in (STABLE_UP if stable else [f"{v:+d}" for v in UP])]
    return shocks


def _pairs(tree: Tree, used: set[int]) -> list[Shock]:
    shocks = []
    for i in sorted(used):
        names = tree.chains[i]
        link = link_of(names[0])
        if len(names) > 1 and link is not None and link.kind in RATIO_KINDS:
            pair = (names[0], names[1])
            shocks += [Shock(pairs=MappingProxyType({pair: parse_percent(f"{v}%")})) for v in PAIR_DOWN]
    return shocks
