"""Whether a market's contracts let a proposal through, rule by rule.

``PoolConfigurator`` refuses what is invalid whoever asks; a risk steward may do less: one step a
parameter and a waiting time.  What exceeds the steward's bounds needs a governance vote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from abis.units import percent_mul_half_up
from protocols.snapshot import EMode, Reserve, Snapshot
from risk.proposal.changes import BPS_OF_ONE, COLLATERAL_FIELDS, Change
from risk.solver.recommendation import largest_step


class Verdict(StrEnum):
    """What a rule says."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_KNOWN = "NOT KNOWN"


@dataclass(frozen=True, slots=True)
class Check:
    """One rule on one subject.

    Parameters
    ----------
    rule : str
        The rule in words.
    subject : str
        Untrusted text.
    verdict : Verdict
    detail : str
        The figures that decide.
    by : str
        ``configurator`` (nobody may), ``steward`` (only a vote may), or ``field`` (published practice).
    source : str
        Where a rule of the field is published.
    """

    rule: str
    subject: str
    verdict: Verdict
    detail: str
    by: str
    source: str = ""


def checks(before: Snapshot, after: Snapshot, changes: Sequence[Change]) -> tuple[Check, ...]:
    """Return every rule that the changes touch, with its verdict.

    Parameters
    ----------
    before, after : Snapshot
        The market, and as `risk.proposal.apply.applied` leaves it.
    changes : sequence of Change
    """
    return (*_configurator(after, changes), *_steward(before, changes))


def _configurator(after: Snapshot, changes: Sequence[Change]) -> Iterator[Check]:
    for is_emode, place in dict.fromkeys((c.is_emode, c.place) for c in changes):
        own = [c for c in changes if (c.is_emode, c.place) == (is_emode, place)]
        holder = after.emodes[place] if is_emode else after.reserves[place]
        if any(c.field.name in COLLATERAL_FIELDS for c in own):
            # What is given counts, though the LTV of a frozen reserve waits and 0 stays in force.
            ltv = next((c.after for c in own if c.field.name == "ltv"), holder.ltv_bps)
            yield from _collateral(after, own[0].subject, holder, ltv)
        if not is_emode:
            yield from _shares(own)


def _collateral(after: Snapshot, subject: str, holder: Reserve | EMode, ltv: int) -> Iterator[Check]:
    """Yield ``configureReserveAsCollateral`` and ``setEModeCategory`` of PoolConfigurator.sol."""
    threshold, bonus = holder.liquidation_threshold_bps, holder.liquidation_bonus_bps
    if after.change_rules.ltv_at_most_threshold:
        yield _judged("LTV at most the threshold", subject, ltv <= threshold, f"{ltv} and {threshold} bps")
    if threshold == 0:
        yield _judged("no bonus without a threshold", subject, bonus == 0, f"bonus {bonus} bps")
        if isinstance(holder, Reserve):
            supplied = holder.total_supply_raw
            yield _judged(
                "nobody supplies what stops to be collateral",
                subject,
                supplied == 0,
                f"supply {supplied} raw",
            )
        return
    yield _judged("bonus above 100 %", subject, bonus > BPS_OF_ONE, f"{bonus} bps")
    limit = after.change_rules.max_threshold_times_bonus_bps
    product = percent_mul_half_up(threshold, bonus)
    yield _judged(
        "threshold times bonus at most 100 %", subject, product <= limit, f"{product} of {limit} bps"
    )
    if isinstance(holder, EMode):
        yield _judged("a category lends", subject, ltv > 0, f"LTV {ltv} bps")
        if after.market.version in ("3.0", "3.1"):
            members = [after.reserves[k] for k in holder.collateral]
            above = all(ltv > r.ltv_bps and threshold > r.liquidation_threshold_bps for r in members)
            yield _judged("a category gives more than its members", subject, above, f"{len(members)} members")


def _shares(own: Sequence[Change]) -> Iterator[Check]:
    for change in own:
        if change.field.name in ("reserve_factor", "liquidation_protocol_fee"):
            fits = change.after <= BPS_OF_ONE
            yield _judged(f"{change.field.name} at most 100 %", change.subject, fits, f"{change.after} bps")


def _steward(before: Snapshot, changes: Sequence[Change]) -> Iterator[Check]:
    for change in changes:
        parameter = ("emode_" if change.is_emode else "") + change.field.attribute
        holder = (
            str(before.emodes[change.place].id) if change.is_emode else before.reserves[change.place].asset
        )
        rule = before.change_rules.of(parameter, holder)
        if rule is None:
            known = bool(before.change_rules.rules)
            verdict = Verdict.FAIL if known else Verdict.NOT_KNOWN
            detail = "the steward may not set it" if known else "the snapshot holds no steward's bounds"
            yield Check("within the steward's step", change.name, verdict, detail, "steward")
            continue
        step, most = abs(change.after - change.before), largest_step(change.before, rule)
        detail = f"{step} of {most} ({rule.source})"
        yield _judged("within the steward's step", change.name, step <= most, detail, "steward")
        if rule.last_change_s is None:
            yield Check(
                "waiting time is over", change.name, Verdict.NOT_KNOWN, "last update not known", "steward"
            )
            continue
        since = before.block.timestamp_s - rule.last_change_s
        over = rule.last_change_s == 0 or since >= rule.min_delay_s
        detail = "never updated" if rule.last_change_s == 0 else f"{since} of {rule.min_delay_s} s"
        yield _judged("waiting time is over", change.name, over, detail, "steward")


def _judged(rule: str, subject: str, passes: bool, detail: str, by: str = "configurator") -> Check:
    return Check(rule, subject, Verdict.PASS if passes else Verdict.FAIL, detail, by)
