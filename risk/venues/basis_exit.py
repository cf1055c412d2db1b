"""Leaving a loop takes time: sales at a discount, redemptions with a cooldown, and who pays whom.

Leavers sell their tokens on secondary markets, evenly over the horizon, and repay with what they get.  Buyers
hold what they bought until the issuer redeems it: staked tokens after the cooldown, at most so much a day.
What buyers hold is what moves the price down the depth curve; at the worst discount leavers accept they wait.
The fair price stays at redemption throughout.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from abis.errors import InputError
from abis.findings import Finding, FindingKind, Severity
from protocols.snapshot import Snapshot
from risk.scenarios.build import digest
from risk.scenarios.families import tree_of
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.venues.basis import Issuer
from risk.venues.basis_loops import Loops
from risk.venues.basis_secondary import Secondary
from risk.venues.basis_unwind import Unwound
from risk.venues.positions import FloatArray

HOUR_S, DAY_S = 3_600.0, 86_400.0
VENUE = "secondary markets"


@dataclass(frozen=True, eq=False)
class Exit:
    """Leaving, step by step; amounts in US dollars at redemption since the start unless said otherwise.

    Parameters
    ----------
    time_s : (T,) float64
        From the first step's end on.
    wanted_usd, sold_usd, redeemed_usd : (T,) float64
        Tokens leavers want to have sold, have sold, and that were redeemed.
    discount : (T,) float64
        Of the next token sold.
    proceeds_usd, repaid_usd, own_repaid_usd : float
        What leavers got; of debt repaid with dollars, and with the token itself.
    paid_usd : float
        By the issuer, for what was redeemed, less the fee.
    supply_usd : tuple of float
        Before and after.
    """

    time_s: FloatArray
    wanted_usd: FloatArray
    sold_usd: FloatArray
    redeemed_usd: FloatArray
    discount: FloatArray
    proceeds_usd: float
    repaid_usd: float
    own_repaid_usd: float
    paid_usd: float
    supply_usd: tuple[float, float]

    @property
    def cash_usd(self) -> dict[str, float]:
        """Dollars each party gained; together nothing."""
        return {
            "loopers": self.proceeds_usd - self.repaid_usd,
            "lenders": self.repaid_usd,
            "buyers": self.paid_usd - self.proceeds_usd,
            "issuer": -self.paid_usd,
        }

    @property
    def tokens_usd(self) -> dict[str, float]:
        """Tokens each party gained, at redemption; together what supply changed by."""
        sold, redeemed = float(self.sold_usd[-1]), float(self.redeemed_usd[-1])
        return {
            "loopers": -sold - self.own_repaid_usd,
            "lenders": self.own_repaid_usd,
            "buyers": sold - redeemed,
        }

    @property
    def queue_usd(self) -> float:
        """Still to be sold at the end."""
        return float(self.wanted_usd[-1] - self.sold_usd[-1])


def leave(
    loops: Loops,
    unwound: Unwound,
    issuer: Issuer,
    secondary: Secondary,
    *,
    worst_discount: float | None = None,
    over_s: float | None = None,
    step_s: float = HOUR_S,
) -> Exit:
    """Return how leavers come out.

    Parameters
    ----------
    loops : Loops
    unwound : Unwound
        Who leaves.
    issuer : Issuer
    secondary : Secondary
    worst_discount : float, optional
        At which leavers wait; the end of the curve by default, beyond which nothing is known.
    over_s : float, optional
        How long is looked at; the horizon and one cooldown by default.
    step_s : float

    Raises
    ------
    InputError
        If a time is not above 0 or the discount outside (0, 1].
    """
    over = issuer.horizon_s + issuer.cooldown_s if over_s is None else over_s
    if not (step_s > 0.0 and over >= step_s):
        raise InputError(f"{over} s in steps of {step_s} s.", remedy="Give a length of at least one step.")
    room = secondary.room(worst_discount)
    own = float(unwound.repaid_usd[loops.own].sum())
    plain, staked = _to_sell(unwound, own)
    whole = plain + staked
    times = np.arange(step_s, over + 1e-9, step_s)
    wanted = whole * np.minimum(times / issuer.horizon_s, 1.0)
    sold, redeemed, discount = (np.zeros(len(times)) for _ in range(3))
    waiting: deque[list[float]] = deque()  # [from when, staked tokens]
    free = out = back = proceeds = 0.0  # redeemable now; sold; redeemed; dollars leavers got
    for n, t in enumerate(times):
        while waiting and waiting[0][0] <= t:
            free += waiting.popleft()[1]
        now = min(free, issuer.usd_per_day * step_s / DAY_S)
        free, back = free - now, back + now
        more = max(0.0, min(wanted[n] - out, room - (out - back)))
        if more > 0.0:
            proceeds += secondary.proceeds(out - back + more) - secondary.proceeds(out - back)
            out += more
            free += more * plain / whole
            waiting.append([t + issuer.cooldown_s, more * staked / whole])
        sold[n], redeemed[n], discount[n] = out, back, secondary.discount(out - back)
    done = out / whole if whole > 0.0 else 1.0
    dollars = float(unwound.repaid_usd[~loops.own].sum())
    supply = issuer.supply_usd
    return Exit(
        times, wanted, sold, redeemed, discount, proceeds, dollars * done, own * done,
        back * (1.0 - issuer.fee), (supply, supply - back),
    )  # fmt: skip


def _to_sell(unwound: Unwound, own: float) -> tuple[float, float]:
    """Return plain and staked tokens to be sold: what repays debt in the token itself is not, plain first."""
    from_plain = min(own, unwound.plain_usd)
    return unwound.plain_usd - from_plain, max(0.0, unwound.staked_usd - (own - from_plain))


def exit_findings(found: Exit, issuer: Issuer) -> tuple[Finding, ...]:
    """Return findings of a leaving: a queue that is left, sales that do not repay, more than supply."""
    out = []
    if found.queue_usd > 1.0:
        days = found.time_s[-1] / DAY_S
        text = f"{found.queue_usd:,.0f} USD are still to be sold after {days:g} days: depth ends."
        out.append(Finding(FindingKind.LIQUIDITY, Severity.MEDIUM, issuer.name, text, found.queue_usd))
    if found.proceeds_usd < found.repaid_usd:
        missing = found.repaid_usd - found.proceeds_usd
        text = f"sales bring {missing:,.0f} USD less than the debt they should repay."
        out.append(Finding(FindingKind.LIQUIDITY, Severity.HIGH, issuer.name, text, missing))
    if found.wanted_usd[-1] > issuer.supply_usd:
        text = (
            f"loops hold {found.wanted_usd[-1]:,.0f} USD, more than the supply of {issuer.supply_usd:,.0f}."
        )
        out.append(Finding(FindingKind.INCONSISTENT, Severity.MEDIUM, issuer.name, text))
    return tuple(out)


def scenarios_of(found: Exit, snapshot: Snapshot, issuer: Issuer) -> Scenarios:
    """Return the discount as a path for ``stress``: the token and what follows it below a lasting fair price.

    Parameters
    ----------
    found : Exit
    snapshot : Snapshot
    issuer : Issuer
    """
    follows = np.array([bool(set(names) & set(issuer.tokens)) for names in tree_of(snapshot).chains])
    times = np.append(0.0, found.time_s)
    path = np.append(0.0, found.discount)
    price = np.asarray(snapshot.price_usd)
    market = price * (1.0 - path[:, None] * follows)
    fair = np.broadcast_to(price, market.shape)
    parts = {"kind": "basis unwinding", "issuer": issuer.name, "assets": list(snapshot.asset_names)}

    def produce(first: int, last: int) -> ScenarioBlock:
        n = last - first
        return ScenarioBlock(
            first, np.tile(market[None, :, None], (n, 1, 1, 1)), np.tile(fair[None], (n, 1, 1))
        )

    return Scenarios(
        names=(f"{issuer.name} loops unwind",), groups=("basis",), assets=snapshot.asset_names,
        venues=(VENUE,), time_s=times, weight=np.ones(1), seed=None,
        sha256=digest(parts, times, market), produce=produce,
    )  # fmt: skip
