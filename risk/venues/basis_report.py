"""One answer from funding to who leaves, with what it brings to exchanges and what is not identified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from abis.findings import Finding
from risk.venues.basis import Earned, Issuer, earned
from risk.venues.basis_exit import DAY_S, Exit, exit_findings, leave
from risk.venues.basis_file import Basis
from risk.venues.basis_flow import Closed, closed_over_a_day, coins_split, shorts_split
from risk.venues.basis_loops import Loops
from risk.venues.basis_secondary import Secondary
from risk.venues.basis_unwind import Unwound, unwind
from risk.venues.market import Market

LEVERS = (2.0, 4.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a funding does to loops on a basis-trade stablecoin.

    Parameters
    ----------
    basis : Basis
    funding : mapping of coin to float
        A year.
    earned : Earned
    loops : Loops
    unwound : Unwound
    exit : Exit
    busiest_day_usd : float
        Most that is redeemed within 24 hours.
    closed : Closed
        What the issuer's orders of that day do to exchanges.
    flows : tuple of dict
        All orders by venue and coin, US dollars.
    ends : tuple of dict
        Yield and leavers at each end of each range.
    findings : tuple of Finding
    """

    basis: Basis
    funding: Mapping[str, float]
    earned: Earned
    loops: Loops
    unwound: Unwound
    exit: Exit
    busiest_day_usd: float
    closed: Closed
    flows: tuple[dict[str, Any], ...]
    ends: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]


def answer(
    basis: Basis,
    funding: Mapping[str, float],
    loops: Loops,
    secondary: Secondary,
    market: Market,
    *,
    worst_discount: float | None = None,
) -> Answer:
    """Return what a funding, held for the horizon, does.

    Parameters
    ----------
    basis : Basis
    funding : mapping of coin to float
        A year.
    loops : Loops
    secondary : Secondary
    market : Market
        Exchanges that take the issuer's orders, at their own prices.
    worst_discount : float, optional
        At which leavers wait (`risk.venues.basis_exit.leave`).
    """
    issuer = basis.issuer
    paid = earned(issuer, funding)
    who = unwind(loops, issuer, paid.staked)
    out = leave(loops, who, issuer, secondary, worst_discount=worst_discount)
    busiest = _busiest_day(out)
    return Answer(
        basis, dict(funding), paid, loops, who, out, busiest, closed_over_a_day(issuer, market, busiest),
        tuple(_flows(issuer, market, float(out.redeemed_usd[-1]))), tuple(_ends(basis, funding, loops)),
        (*basis.findings, *loops.findings, *exit_findings(out, issuer)),
    )  # fmt: skip


def _busiest_day(out: Exit) -> float:
    per_day = max(1, round(DAY_S / float(out.time_s[0])))
    before = np.append(np.zeros(per_day), out.redeemed_usd)[: len(out.redeemed_usd)]
    return float((out.redeemed_usd - before).max())


def _flows(issuer: Issuer, market: Market, redeemed_usd: float) -> list[dict[str, Any]]:
    short, coin = shorts_split(market), coins_split(market)
    rows = []
    for v, venue in enumerate(market.names()):
        for name, part in issuer.basis.items():
            k = market.assets.index(name)
            bought, sold = redeemed_usd * part * float(short[v, k]), redeemed_usd * part * float(coin[v, k])
            if bought > 0.0 or sold > 0.0:
                rows.append({"venue": venue, "coin": name, "bought_usd": bought, "sold_usd": sold})
    return rows


def _ends(basis: Basis, funding: Mapping[str, float], loops: Loops) -> list[dict[str, Any]]:
    rows = []
    for path, value, issuer in basis.ends():
        paid = earned(issuer, funding).staked
        who = unwind(loops, issuer, paid)
        rows.append(
            {
                "parameter": path,
                "value": value,
                "staked_yield": paid,
                "repaid_usd": float(who.repaid_usd.sum()),
            }
        )
    return rows


def groups(found: Answer) -> list[dict[str, Any]]:
    """Return loops by e-mode, and all of them: leverage, carry before and after, share that leaves."""
    emode = found.loops.emode
    picked: list[tuple[int | None, Any]] = [(int(e), emode == e) for e in np.unique(emode)]
    if len(picked) > 1:
        picked.append((None, np.ones(len(emode), dtype=bool)))
    rows = []
    for name, rows_in in picked:
        equity = found.loops.equity_usd[rows_in]
        collateral = found.loops.collateral_usd[rows_in]
        carry = [float((c[rows_in] * equity).sum() / equity.sum()) for c in _carries(found)]
        debt = found.loops.debt_usd[rows_in].sum(axis=1)
        rows.append(
            {
                "emode": name,
                "accounts": int(rows_in.sum()),
                "collateral_usd": float(collateral.sum()),
                "debt_usd": float(debt.sum()),
                "leverage": float(collateral.sum() / equity.sum()),
                "carry_before": carry[0],
                "carry": carry[1],
                "leaving_share": float((found.unwound.share[rows_in] * debt).sum() / debt.sum()),
            }
        )
    return rows


def _carries(found: Answer) -> tuple[Any, Any]:
    return found.unwound.carry_before, found.unwound.carry


def reserves(found: Answer) -> list[dict[str, Any]]:
    """Return debt reserves: loops' debt, utilisation and rate before, after, and the lowest it may be."""
    owed, who = found.loops.debt_usd.sum(axis=0), found.unwound
    return [
        {
            "reserve": c.name,
            "loops_debt_usd": float(owed[j]),
            "repaid_usd": float(who.repaid_usd[j]),
            "utilisation_before": c.utilisation(0.0),
            "utilisation": c.utilisation(float(who.repaid_usd[j])),
            "rate_before": float(who.rate_before[j]),
            "rate": float(who.rate[j]),
            "lowest_rate": float(who.lowest_rate[j]),
        }
        for j, c in enumerate(found.loops.curves)
    ]


def levers(found: Answer) -> list[dict[str, Any]]:
    """Return carry on equity by leverage and reserve, ``yield L - rate (L - 1)``, before and after."""
    y, who = found.earned.staked, found.unwound
    return [
        {
            "leverage": lever,
            "reserve": c.name,
            "carry_before": y * lever - float(who.rate_before[j]) * (lever - 1.0),
            "carry": y * lever - float(who.rate[j]) * (lever - 1.0),
        }
        for lever in LEVERS
        for j, c in enumerate(found.loops.curves)
    ]


def days(found: Answer) -> list[dict[str, Any]]:
    """Return the leaving at the end of each day."""
    out = found.exit
    step = float(out.time_s[0])
    at = [n for n, t in enumerate(out.time_s) if t % DAY_S < step - 1e-9]
    return [
        {
            "day": round(float(out.time_s[n]) / DAY_S, 6),
            "wanted_usd": float(out.wanted_usd[n]),
            "sold_usd": float(out.sold_usd[n]),
            "redeemed_usd": float(out.redeemed_usd[n]),
            "discount": float(out.discount[n]),
        }
        for n in at
    ]


def to_json(found: Answer) -> dict[str, Any]:
    """Return JSON-ready values."""
    out, who = found.exit, found.unwound
    return {
        "issuer": found.basis.issuer.name,
        "funding": dict(found.funding),
        "earned": asdict(found.earned),
        "loops": groups(found),
        "carry": levers(found),
        "reserves": reserves(found),
        "fixed_point": {"residual": who.residual, "rounds": who.rounds},
        "days": days(found),
        "supply_usd": {"before": out.supply_usd[0], "after": out.supply_usd[1]},
        "repaid_usd": {"with_dollars": out.repaid_usd, "with_the_token": out.own_repaid_usd},
        "proceeds_usd": out.proceeds_usd,
        "queue_usd": out.queue_usd,
        "deepest_discount": float(out.discount.max()),
        "cash_usd": out.cash_usd,
        "tokens_usd": out.tokens_usd,
        "flows": list(found.flows),
        "busiest_day_usd": found.busiest_day_usd,
        "exchanges": asdict(found.closed),
        "not_identified": list(found.ends),
    }
