"""Which source reads which: names, order and fit of the nodes of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from abis.errors import FeedError
from oracles.sources import PriceSource


@dataclass(frozen=True, slots=True)
class Node:
    """One source of a graph, by name.

    Parameters
    ----------
    name : str
        Unique in the graph; untrusted text.
    source : PriceSource
        What it does.
    children : tuple of str
        Names of the nodes it reads, in the order its source takes them.
    """

    name: str
    source: PriceSource
    children: tuple[str, ...] = ()


def evaluation_order(nodes: Sequence[Node]) -> tuple[int, ...]:
    """Return the nodes' indices, every child before its readers.

    Raises
    ------
    FeedError
        If two nodes share a name, a child is unknown, or nodes read each other in a loop.
    """
    index = {node.name: k for k, node in enumerate(nodes)}
    if len(index) != len(nodes):
        names = [node.name for node in nodes]
        twice = next(name for name in names if names.count(name) > 1)
        raise FeedError(f"two sources are called {twice!r}.", remedy="Give every source its own name.")
    for node in nodes:
        for child in node.children:
            if child not in index:
                raise FeedError(
                    f"source {node.name!r} reads {child!r}, which the graph does not have.",
                    remedy=f"Add it, or name one of {', '.join(sorted(index))}.",
                )
    try:
        order = tuple(TopologicalSorter({n.name: n.children for n in nodes}).static_order())
    except CycleError as error:
        loop = " -> ".join(reversed(error.args[1]))  # graphlib lists it from the read to the reader
        raise FeedError(f"sources read each other in a loop: {loop}.", remedy="Cut the loop.") from None
    return tuple(index[name] for name in order)


def check_fit(nodes: Sequence[Node], assets: int) -> None:
    """Check that each node has the children its source takes and reads columns there are.

    Raises
    ------
    FeedError
        Otherwise, naming the node.
    """
    decimals = {node.name: node.source.decimals for node in nodes}
    for node in nodes:
        takes = node.source.takes
        if len(takes) != len(node.children):
            raise FeedError(
                f"source {node.name!r} reads {len(node.children)} sources and takes {len(takes)}.",
                remedy="Give one source for each it takes, in its order.",
            )
        for child, wanted in zip(node.children, takes, strict=True):
            if wanted is not None and decimals[child] != wanted:
                raise FeedError(
                    f"source {node.name!r} takes {wanted} decimals where {child!r} has {decimals[child]}.",
                    remedy="Check the decimals of both contracts.",
                )
        if not all(0 <= k < assets for k in node.source.reads):
            raise FeedError(
                f"source {node.name!r} reads columns {node.source.reads!r} of {assets} assets.",
                remedy="Give columns from 0 to the number of assets less one.",
            )


def check_read(nodes: Sequence[Node], assets: Sequence[str], price_of: Sequence[str]) -> None:
    """Check that every asset has a node for its price and every node a reader.

    Raises
    ------
    FeedError
        Otherwise, naming the asset or the node.
    """
    names = {node.name for node in nodes}
    for asset, name in zip(assets, price_of, strict=True):
        if name not in names:
            raise FeedError(
                f"asset {asset!r} is priced by {name!r}, which the graph does not have.",
                remedy="Name one of the nodes.",
            )
    unread = names.difference(price_of, *(node.children for node in nodes))
    if unread:
        raise FeedError(
            f"source {min(unread)!r} is read by nobody.", remedy="Leave it out or let it be read."
        )
