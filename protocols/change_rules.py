"""`ChangeRules`: what governance may change, by how much, how often, and what it validates."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class StepKind(StrEnum):
    """How a bound on one update is measured."""

    ABSOLUTE = "absolute"  # |new - old| <= max_step, in the parameter's own unit
    RELATIVE = "relative"  # |new - old| <= floor(max_step_bps * old / 10000)


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """The bound on one parameter of one subject.

    Parameters
    ----------
    parameter : str
        ``ltv_bps``, ``liquidation_threshold_bps``, ``liquidation_bonus_bps``, the three
        with prefix ``emode_`` for categories, ``supply_cap_tokens``, ``borrow_cap_tokens``,
        ``debt_ceiling_usd``, ``rate_base_bps``, ``rate_slope1_bps``, ``rate_slope2_bps``,
        ``rate_optimal_bps``.
    subject : str
        Asset address, category id as text, or ``*`` for every one.
    grid : int
        Smallest change the chain can store, in the parameter's unit (1 bps, 1 token).
    step_kind : StepKind
        Absolute or relative bound.
    max_step : int
        Largest change per update: the parameter's unit if absolute, bps of the old value
        if relative; 0 where the one who sets the bound may not change it.
    min_delay_s : int
        Seconds between two updates of the same parameter and subject.
    last_change_s : int or None
        Unix time of the last update, 0 if there was none, None if not known.
    source : str
        Where the bound comes from: a contract address, or ``documented default``.
    """

    parameter: str
    subject: str
    grid: int
    step_kind: StepKind
    max_step: int
    min_delay_s: int
    last_change_s: int | None
    source: str


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """All bounds of a market and the validation its configurator applies.

    Parameters
    ----------
    rules : tuple of ChangeRule
        Bounds; a rule for a named subject wins over ``*``.
    ltv_at_most_threshold : bool
        Whether LTV <= liquidation threshold is enforced.
    max_threshold_times_bonus_bps : int
        Upper bound on ``percent_mul_half_up(threshold, bonus)`` (bonus including 10000).
    """

    rules: tuple[ChangeRule, ...] = field(default=())
    ltv_at_most_threshold: bool = True
    max_threshold_times_bonus_bps: int = 10_000

    def of(self, parameter: str, subject: str) -> ChangeRule | None:
        """Return the bound on ``parameter`` of ``subject``, or None if nothing bounds it."""
        hits = [r for r in self.rules if r.parameter == parameter and r.subject in (subject, "*")]
        return max(hits, key=lambda r: r.subject != "*", default=None)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ChangeRules:
        """Return the record `to_json` wrote."""
        rules = tuple(
            ChangeRule(
                **{**r, "step_kind": StepKind(r["step_kind"])}
            )  # fields are checked by the constructor
            for r in data["rules"]
        )
        return cls(rules, bool(data["ltv_at_most_threshold"]), int(data["max_threshold_times_bonus_bps"]))
