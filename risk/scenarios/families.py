"""Which token follows which: the documented tables behind ``WETH=-30%``.

A staked or wrapped token keeps its ratio to what it stands for, so a shock to WETH moves
wstETH and weETH by the same factor.  ``BTC`` and ``ETH`` need not be listed themselves:
they name everything that follows them.  The tables are ``data/links.csv`` and
``data/stables.csv``; matching is by exact symbol, ``*`` only in the Pendle rows.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from abis.errors import BadShock
from protocols.snapshot import Snapshot

BoolArray = NDArray[np.bool_]

MARKET = "market"  # reserved name: the market factor


@dataclass(frozen=True, slots=True)
class Link:
    """One row of ``links.csv``.

    Parameters
    ----------
    symbol : str
        The following token, or a pattern ending in ``*``.
    follows : str
        What it follows: a token, or a coin that is no token (``ETH``, ``BTC``).
    kind : str
        ``native`` (wrapper of the chain's coin, cannot part from it), ``staked``,
        ``wrapped`` (bridge or custody), ``savings`` (ERC-4626) or ``principal`` (Pendle).
    source : str
        What holds the ratio.
    """

    symbol: str
    follows: str
    kind: str
    source: str


def read_table(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV table shipped in ``risk/scenarios/data``."""
    text = files("risk.scenarios").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def links() -> Mapping[str, Link]:
    """Return every link by symbol."""
    rows = [Link(r["symbol"], r["follows"], r["kind"], r["source"]) for r in read_table("links.csv")]
    return MappingProxyType({link.symbol: link for link in rows})


@cache
def stables() -> Mapping[str, str]:
    """Return the currency each stable or metal-backed token is pegged to, by symbol."""
    return MappingProxyType({r["symbol"]: r["currency"] for r in read_table("stables.csv")})


@cache
def link_of(symbol: str) -> Link | None:
    """Return what ``symbol`` follows, None if it follows nothing."""
    table = links()
    if symbol in table:
        return table[symbol]
    hits = [link for name, link in table.items() if name.endswith("*") and fnmatchcase(symbol, name)]
    return hits[0] if hits else None


def chain(name: str, symbol: str) -> tuple[str, ...]:
    """Return the names a reserve answers to, nearest first: itself, then what it follows.

    Parameters
    ----------
    name : str
        Unique asset name (`Snapshot.asset_names`).
    symbol : str
        The reserve's symbol; differs from ``name`` only where symbols repeat.

    Returns
    -------
    tuple of str
        ``("wstETH", "WETH", "ETH")``; the last one is the top.
    """
    names = [name] if name == symbol else [name, symbol]
    while (link := link_of(names[-1])) is not None:
        names.append(link.follows)
    return tuple(names)


@dataclass(frozen=True, eq=False)
class Tree:
    """Who follows whom in one market.

    Parameters
    ----------
    chains : tuple of tuple of str, length A
        `chain` of every reserve, in the order of the reserves.
    up : mapping of str to tuple of str
        Every node with its way to the top, itself included.
    """

    chains: tuple[tuple[str, ...], ...]
    up: Mapping[str, tuple[str, ...]]

    @property
    def tops(self) -> tuple[str, ...]:
        """The tops, each once, in the order of the reserves."""
        return tuple(dict.fromkeys(c[-1] for c in self.chains))

    def holds(self, node: str) -> BoolArray:
        """Return which reserves are ``node`` or follow it, (A,) bool."""
        return np.array([node in c for c in self.chains], dtype=bool)


def tree_of(snapshot: Snapshot) -> Tree:
    """Return who follows whom among the reserves of ``snapshot``."""
    pairs = zip(snapshot.asset_names, snapshot.reserves, strict=True)
    # A token that calls itself "market" is known by its address alone.
    chains = tuple(
        chain(name, reserve.symbol) if name != MARKET else (reserve.asset,) for name, reserve in pairs
    )
    return Tree(chains, MappingProxyType({c[i]: c[i:] for c in chains for i in range(len(c))}))


def is_stable(top: str) -> bool:
    """Return whether a top of a chain is pegged to a currency or a metal."""
    return top in stables()


def resolve(name: str, snapshot: Snapshot, tree: Tree) -> str:
    """Return the node of the market's tree that ``name`` means.

    Parameters
    ----------
    name : str
        A symbol, an address, or a name some listed asset follows (``BTC``).
    snapshot : Snapshot
    tree : Tree
        `tree_of` the snapshot.

    Raises
    ------
    BadShock
        If the name is empty.
    UnknownAsset
        If nothing matches; names the nearest symbols.
    """
    if not name:
        raise BadShock("a shock names no asset.", remedy="Write WETH=-30%.")
    if name in tree.up:
        return name
    folded = [node for node in sorted(tree.up) if node.lower() == name.lower()]
    return folded[0] if len(folded) == 1 else tree.chains[snapshot.asset_index(name)][0]
