"""Asks the pool itself about some accounts, so that rules that do not hold are noticed.

Forks change rules without changing getters, and a pool may be upgraded behind its proxy.  What
the release's rules make of the balances read is held against ``getUserAccountData``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from abis.calls import Call
from abis.chain import Chain, Header
from abis.findings import Finding, FindingKind, Severity
from protocols.exact import exact_rules
from protocols.position import AccountData
from protocols.snapshot import Snapshot

ASKED = 25  # accounts: one request, and any rule that differs shows in most of them
_GETTER = "getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)"


def check_accounts(chain: Chain, pool: str, snapshot: Snapshot, block: Header) -> Iterator[Finding]:
    """Yield a finding if the pool values some of up to `ASKED` borrowers differently at ``block``.

    The borrowers are spread evenly over the book.  One whose data the pool refuses, for want
    of a price, says nothing.
    """
    borrowers = np.flatnonzero(np.diff(snapshot.book.debt.indptr))
    spread = np.linspace(0, max(len(borrowers) - 1, 0), min(ASKED, len(borrowers)))
    asked = [int(u) for u in borrowers[spread.astype(np.int64)]]
    names = [snapshot.book.accounts[u] for u in asked]
    answers = chain.read([Call(pool, _GETTER, (name,), optional=True) for name in names], block)
    exact = exact_rules(snapshot.rules)
    different = [
        (name, AccountData(*answer), ours)
        for u, name, answer in zip(asked, names, answers, strict=True)
        if answer is not None
        and (ours := exact.account_data(snapshot.position(u), snapshot.rules)) != AccountData(*answer)
    ]
    if different:
        yield _differ(snapshot.rules.version, len(asked), *different[0], len(different))


def _differ(
    version: str, asked: int, account: str, theirs: AccountData, ours: AccountData, different: int
) -> Finding:
    name = next(f.name for f in fields(ours) if getattr(ours, f.name) != getattr(theirs, f.name))
    return Finding(
        FindingKind.INCONSISTENT,
        Severity.HIGH,
        account,
        f"The pool values {different} of {asked} borrowers asked otherwise than the rules of Aave {version}: "
        f"{name} is {getattr(theirs, name)}, computed {getattr(ours, name)}.",
        remedy="Take health factors as approximate: the pool's rules are not those of its release.",
    )
