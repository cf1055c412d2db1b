"""Which debt stands against which collateral, and what is known of the pair's returns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from protocols.snapshot import Snapshot
from risk.scenarios.families import Tree, link_of, stables
from risk.solver.parameters import emode_row
from risk.solver.returns import USD, PairReturns, Returns, Statistic


def pair_debt(snapshot: Snapshot) -> pd.DataFrame:
    """Return the debt behind each collateral, e-mode row and debt reserve.

    An account's debts are spread over its counted collateral by threshold-weighted value.

    Returns
    -------
    DataFrame
        Columns ``collateral``, ``emode``, ``debt`` (indices; ``emode`` as `emode_row`) and
        ``debt_usd``, sorted; only pairs with debt.
    """
    c, d = snapshot.book.collateral, snapshot.book.debt
    weight = snapshot.collateral_usd * c.threshold_bps * c.counted
    left = pd.DataFrame(
        {"account": c.account, "collateral": c.reserve, "emode": emode_row(snapshot), "weight": weight}
    )
    left = left[left["weight"] > 0]
    left["share"] = left["weight"] / left.groupby("account")["weight"].transform("sum")
    right = pd.DataFrame({"account": d.account, "debt": d.reserve, "owed": snapshot.debt_usd})
    both = left.merge(right[right["owed"] > 0], on="account")
    both["debt_usd"] = both["share"] * both["owed"]
    keys = ["collateral", "emode", "debt"]
    return both.groupby(keys, sort=True)[["debt_usd"]].sum().reset_index()


@dataclass(frozen=True, slots=True)
class Known:
    """Returns found for a pair of reserves.

    Parameters
    ----------
    returns : PairReturns
    exact : bool
        Whether they are of the tokens themselves rather than of what these follow, so that
        a discount of the token against it is not in them.
    """

    returns: PairReturns
    exact: bool


def find_returns(
    tree: Tree, table: Returns, collateral: int, debt: int, horizon_s: int, statistic: Statistic
) -> Known | None:
    """Return what is known of a collateral against a debt, None if nothing is.

    The nearest names are tried first: wstETH against WETH is found under its own ratio,
    wstETH against USDC under ETH against the dollar.  Two tokens that follow the same coin
    and have no ratio of their own are not known.

    Parameters
    ----------
    tree : Tree
    table : mapping
        `returns.shipped_returns`, or own ones.
    collateral, debt : int
        Reserve indices.
    horizon_s : int
    statistic : {"terminal", "minimum"}
    """
    bases, quotes = _names(tree.chains[collateral]), _names(tree.chains[debt])
    for i, base in enumerate(bases):
        for j, quote in enumerate(quotes):
            pair = table.get((base, quote, horizon_s, statistic))
            if pair is not None:
                exact = _same(bases[: i + 1]) and _same(quotes[: j + 1])
                return Known(pair, exact)
    return None


def _names(chain: tuple[str, ...]) -> tuple[str, ...]:
    return (*chain, USD) if stables().get(chain[-1]) == USD else chain


def _same(names: tuple[str, ...]) -> bool:
    """Return whether stepping down these names loses nothing: native wrappers and dollars."""
    return all(up == USD or _is_native(low) for low, up in pairwise(names))


def _is_native(symbol: str) -> bool:
    link = link_of(symbol)
    return link is not None and link.kind == "native"
