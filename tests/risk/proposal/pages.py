"""Proposals on the hand-made market, plain and with hostile names, as dossiers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from protocols.snapshot import Snapshot
from risk.proposal.apply import applied
from risk.proposal.changes import read_changes
from risk.proposal.check import checks
from risk.proposal.dossier import Dossier, SentCall
from risk.proposal.evidence import evidence_of
from risk.scenarios.build import from_shocks
from tests.risk.report import made
from tests.risk.report.conftest import HOSTILE, HOSTILE_MODE

GIGANTIC = "A" * 5_000
SETS = ("ltv=79.5%", "liquidation_threshold=80%", "supply_cap=70000")


def dossier_of(market: Snapshot, title: str = "", motivation: str = "") -> Dossier:
    """Return a cut of the first reserve's threshold, with a stress of it."""
    asset = market.reserves[0].asset
    texts = [f"{asset}.{s}" for s in SETS]
    changes = read_changes([*texts, "emode:1.liquidation_threshold=93.5%"], market)
    after = applied(market, changes)
    scenarios = from_shocks([f"{asset}=-10%", f"{asset}=-25%"], market)
    evidence = evidence_of(market, changes, scenarios, snapshot_sha256="ab" * 32, vary_depth=False)
    calls = (SentCall("PoolConfigurator", f"setSupplyCap('{asset}', 70000)", "0x571f03e5" + "00" * 64),)
    verdicts = checks(market, after, changes)
    return Dossier(market, after, evidence, verdicts, calls, title=title, motivation=motivation)


@cache
def plain() -> Dossier:
    """Return the proposal on the plain market."""
    return dossier_of(made.market())


@cache
def hostile() -> Dossier:
    """Return it where every name is an attack."""
    names = (*HOSTILE[:3], GIGANTIC, *HOSTILE[4:])
    market = made.market(names, HOSTILE_MODE)
    market = replace(market, market=replace(market.market, name="<b>market</b>|x\n---\nevil: yes"))
    return dossier_of(market, '"><script>alert(3)</script>', "[x](http://evil.example) <b>@all</b>\n\n# h")
