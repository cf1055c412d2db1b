"""Published numeric rules of the field, held against a proposal: PASS, FAIL or NOT KNOWN.

Each names its public source.  What the market's own contracts enforce is in `risk.proposal.check`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from abis.units import percent_mul_half_up
from oracles.feed_audit import Check as FeedCheck
from oracles.feed_audit import Result
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.proposal.changes import BPS_OF_ONE, COLLATERAL_FIELDS, Change
from risk.proposal.check import Check, Verdict
from risk.proposal.largest_borrower import LargestBorrower
from risk.scenarios.candles import Candles
from risk.scenarios.families import link_of, stables

BY = "field"
FRAMEWORK = "Aave Risk Framework, governance.aave.com/t/25114"
RISK_OFF = "Risk-Off Framework, governance.aave.com/t/10926"
CLOSE_FACTOR = "CLOSE_FACTOR_HF_THRESHOLD, LiquidationLogic.sol, aave-dao/aave-v3-origin"
CAP_TO_DEPTH = "LlamaRisk's cap posts, governance.aave.com/t/25269"
CAPO = "isCapped(), RiskSteward.sol, aave-dao/aave-v3-risk-stewards"

LARGEST_CUT_BPS = 300
CLOSE_FACTOR_BPS = 9_500
CAP_OVER_DEPTH = 2
PEG_OFF, PEG_S = 0.01, 2 * 86_400

_FEED_RULES = {
    "capped": "the price is not capped, nor soon will be",
    "cap below market": "no cap holds the price below the market",
    "hidden upside": "no stable cap hides a price above it",
    "fixed price": "no constant prices something that floats",
}
_NO_CAP = "no cap or constant misprices it"
_VERDICT = {Result.FINE: Verdict.PASS, Result.FOUND: Verdict.FAIL, Result.NOT_KNOWN: Verdict.NOT_KNOWN}


@dataclass(frozen=True, eq=False)
class Facts:
    """What the rules are held against.

    Parameters
    ----------
    after : Snapshot
        The market as the changes leave it.
    changes : sequence of Change
    touched : sequence of int
        Reserves the changes are about.
    depth : Depth
    largest : sequence of LargestBorrower
    feeds : sequence of oracles.feed_audit.Check
    history : mapping of symbol to Candles, optional
        Market prices, for the peg rule.
    """

    after: Snapshot
    changes: Sequence[Change]
    touched: Sequence[int]
    depth: Depth
    largest: Sequence[LargestBorrower]
    feeds: Sequence[FeedCheck]
    history: Mapping[str, Candles] | None = None


def lint(facts: Facts) -> tuple[Check, ...]:
    """Return every rule that applies, with its verdict and source."""
    return (
        *_largest_borrowers(facts),
        *_pegs(facts),
        *_cuts(facts),
        *_partial_calls(facts),
        *_caps(facts),
        *_feeds(facts),
    )


def _largest_borrowers(facts: Facts) -> Iterator[Check]:
    names = {facts.after.asset_names[i] for i in facts.touched}
    rule = "depth clears the largest borrower within the bonus"
    for row in facts.largest:
        if row.asset not in names:
            continue
        if row.absorbable_usd is None:
            yield Check(rule, row.asset, Verdict.NOT_KNOWN, "no depth was given", BY, FRAMEWORK)
            continue
        detail = f"{row.sale_usd:,.0f} USD to sell, {row.absorbable_usd:,.0f} USD sell within the bonus"
        yield _judged(rule, row.asset, bool(row.clears), detail, FRAMEWORK)


def _pegs(facts: Facts) -> Iterator[Check]:
    rule = "no deviation of 1 % from the peg for 2 days"
    for i in facts.touched:
        symbol = facts.after.reserves[i].symbol
        anchor = _anchor(symbol)
        if anchor is None:
            continue
        found = longest_deviation_s(symbol, anchor, facts.history or {})
        subject = facts.after.asset_names[i]
        if found is None:
            missing = f"no market prices of it and of {anchor or 'the dollar'} were given"
            yield Check(rule, subject, Verdict.NOT_KNOWN, missing, BY, FRAMEWORK)
        else:
            yield _judged(rule, subject, found < PEG_S, f"longest {found / 3_600:,.1f} h", FRAMEWORK)


def _anchor(symbol: str) -> str | None:
    """Return what a token is worth one of: a coin's name, empty for the dollar, None if nothing.

    A staked token's rate grows, so its price against what it stands for is no peg of one.
    """
    link = link_of(symbol)
    if link is not None:
        return link.follows if link.kind == "wrapped" else None
    return "" if stables().get(symbol) == "USD" else None


def longest_deviation_s(symbol: str, anchor: str, history: Mapping[str, Candles]) -> float | None:
    """Return the longest time a token's price was `PEG_OFF` or more off, seconds; None without prices.

    Parameters
    ----------
    symbol, anchor : str
        ``anchor`` is empty for the dollar.
    history : mapping of symbol to Candles
    """
    own, other = history.get(symbol), history.get(anchor) if anchor else None
    if own is None or (anchor and other is None):
        return None
    price = own.price
    at = own.end_s
    if other is not None:
        place = np.searchsorted(other.end_s, at, side="right") - 1
        at, price = at[place >= 0], price[place >= 0] / other.price[place[place >= 0]]
    off = np.abs(price - 1) >= PEG_OFF * (1 - 1e-12)
    longest, begins = 0.0, None
    for now, is_off in zip(at.tolist(), off.tolist(), strict=True):
        begins = (now - own.step_s if begins is None else begins) if is_off else None
        longest = max(longest, now - begins if begins is not None else 0.0)
    return longest


def _cuts(facts: Facts) -> Iterator[Check]:
    rule = "a threshold is cut by at most 3 points a proposal"
    for change in facts.changes:
        if change.field.name == "liquidation_threshold" and change.after < change.before:
            cut = change.before - change.after
            detail = f"{cut} of {LARGEST_CUT_BPS} bps"
            yield _judged(rule, change.name, cut <= LARGEST_CUT_BPS, detail, RISK_OFF)


def _partial_calls(facts: Facts) -> Iterator[Check]:
    rule = "threshold times (1 + bonus) at most 95 %: half a repayment never worsens health"
    for subject, product in products(facts.after, facts.changes):
        detail = f"{product / 100:.2f} %"
        yield _judged(rule, subject, product <= CLOSE_FACTOR_BPS, detail, CLOSE_FACTOR)


def products(snapshot: Snapshot, changes: Sequence[Change]) -> Iterator[tuple[str, int]]:
    """Yield threshold times bonus, bps, of every reserve and category whose collateral setting changes."""
    for is_emode, place, subject in dict.fromkeys(
        (c.is_emode, c.place, c.subject) for c in changes if c.field.name in COLLATERAL_FIELDS
    ):
        holder = snapshot.emodes[place] if is_emode else snapshot.reserves[place]
        if holder.liquidation_threshold_bps:
            product = percent_mul_half_up(
                holder.liquidation_threshold_bps, max(holder.liquidation_bonus_bps, BPS_OF_ONE)
            )
            yield subject, product


def _caps(facts: Facts) -> Iterator[Check]:
    rule = "a supply cap is at most twice what sells within the bonus"
    for change in facts.changes:
        if change.field.name != "supply_cap" or change.after == 0:
            continue
        reserve = facts.after.reserves[change.place]
        if facts.depth.infinite[change.place]:
            yield Check(rule, change.name, Verdict.NOT_KNOWN, "no depth was given", BY, CAP_TO_DEPTH)
            continue
        bonus = max(reserve.liquidation_bonus_bps - BPS_OF_ONE, 0) / BPS_OF_ONE
        kept = bonus * (1 - reserve.liquidation_protocol_fee_bps / BPS_OF_ONE)
        sells = facts.depth.size_within(change.place, kept / (1 + kept))
        detail = f"cap {change.after:,} tokens, {sells:,.0f} sell within the bonus"
        yield _judged(rule, change.name, change.after <= CAP_OVER_DEPTH * sells, detail, CAP_TO_DEPTH)


def _feeds(facts: Facts) -> Iterator[Check]:
    for asset in dict.fromkeys(c.asset for c in facts.feeds):
        own = [c for c in facts.feeds if c.asset == asset and c.name in _FEED_RULES]
        if own and all(c.result is Result.NOT_KNOWN for c in own):
            missing = ", ".join(dict.fromkeys(f"not known: {c.evidence}" for c in own))
            yield Check(_NO_CAP, asset, Verdict.NOT_KNOWN, missing, BY, CAPO)
            continue
        for check in own:
            unknown = check.result is Result.NOT_KNOWN
            detail = f"not known: {check.evidence}" if unknown else check.evidence
            yield Check(_FEED_RULES[check.name], asset, _VERDICT[check.result], detail, BY, CAPO)


def _judged(rule: str, subject: str, passes: bool, detail: str, source: str) -> Check:
    return Check(rule, subject, Verdict.PASS if passes else Verdict.FAIL, detail, BY, source)
