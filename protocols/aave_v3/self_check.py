"""Asks the pool itself about some accounts, so that rules that do not hold are noticed.

Forks change rules without changing getters, and a pool may be upgraded behind its proxy.  What
the release's rules make of the balances read is held against ``getUserAccountData``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

import numpy as np

from abis.calls import Call
from abis.chain import Reading
from abis.findings import Finding, FindingKind, Severity
from protocols.aave_v3.book import Accounts
from protocols.exact import exact_rules
from protocols.position import AccountData
from protocols.snapshot import Snapshot

ASKED = 25  # accounts: they cost nothing beside the balances, and any rule that differs shows in most of them
_GETTER = "getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)"


def read_sample(pool: str, accounts: Accounts) -> Reading[Mapping[str, AccountData]]:
    """Return what the pool says of up to `ASKED` borrowers, spread evenly over all of them.

    One whose data the pool refuses, for want of a price, is left out: it says nothing.
    """
    borrowers = sorted(account for account, word in accounts.words.items() if word.borrowing)
    spread = np.linspace(0, max(len(borrowers) - 1, 0), min(ASKED, len(borrowers)))
    asked = [borrowers[int(k)] for k in spread]
    answers = yield [Call(pool, _GETTER, (account,), optional=True) for account in asked]
    return {a: AccountData(*said) for a, said in zip(asked, answers, strict=True) if said is not None}


def sample_findings(sample: Mapping[str, AccountData], snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a finding if the pool values some account otherwise than the snapshot's rules do."""
    exact = exact_rules(snapshot.rules)
    place = {account: u for u, account in enumerate(snapshot.book.accounts)}
    different = [
        (account, theirs, ours)
        for account, theirs in sample.items()
        if account in place
        and (ours := exact.account_data(snapshot.position(place[account]), snapshot.rules)) != theirs
    ]
    if different:
        yield _differ(snapshot.rules.version, len(sample), *different[0], len(different))


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
