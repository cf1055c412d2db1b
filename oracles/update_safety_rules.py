"""Who may change a ratio cap, and to what: the adapter's checks and those in front of it.

A cap is three integers (PriceCapAdapterBase.sol of aave-price-feeds): a ratio, the time it was
taken at and a yearly growth.  Whoever holds the role may set any three the adapter accepts; a
steward or an agent in front of it accepts fewer.  All their rules but one are bounds on single
numbers, so that what is permitted is a `Box`; the one is a look at ``isCapped()`` after the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from abis.errors import FeedError
from abis.units import BPS
from oracles.caps import CapParameters, GrowthScale, growth_per_second

DAY_S = 86_400
MAX_RATIO_RAW = 2**104 - 1  # uint104
MAX_GROWTH_BPS = 2**16 - 1  # uint16
SCALED, WHOLE = 10**6, 1  # growth a second with six decimals since September 2025, without before


@dataclass(frozen=True, slots=True)
class CapValues:
    """What ``setCapParameters`` stores.

    Parameters
    ----------
    ratio_raw : int
        Snapshot ratio, smallest units of the ratio.
    at_s : int
        Snapshot timestamp, unix time.
    growth_bps : int
        Largest growth a year.
    """

    ratio_raw: int
    at_s: int
    growth_bps: int


@dataclass(frozen=True, slots=True)
class Adapter:
    """A ratio cap as deployed.

    Parameters
    ----------
    stored : CapValues
        In force now.
    scale : int
        `SCALED` or `WHOLE`: how growth a second is rounded.
    min_delay_s : int
        Youngest a snapshot may be when it is set, ``MINIMUM_SNAPSHOT_DELAY``; 0 in the oldest adapters.
    max_term_s : int or None
        Oldest it may be, ``MAXIMUM_SNAPSHOT_TERM``; None where there is no such rule.

    Raises
    ------
    FeedError
        If a number is impossible.
    """

    stored: CapValues
    scale: int = SCALED
    min_delay_s: int = 7 * DAY_S
    max_term_s: int | None = 180 * DAY_S

    def __post_init__(self) -> None:
        check_values(self.stored)
        if self.scale not in (SCALED, WHOLE):
            raise FeedError(f"growth scale {self.scale}.", remedy=f"Give {SCALED} or {WHOLE}.")
        if self.min_delay_s < 0 or (self.max_term_s is not None and self.max_term_s < self.min_delay_s):
            raise FeedError(
                f"snapshots between {self.min_delay_s} and {self.max_term_s} seconds old.",
                remedy="Give a smallest age of 0 or more and a largest that is not below it.",
            )


@dataclass(frozen=True, slots=True)
class Setter:
    """What stands in front of the adapter.

    Parameters
    ----------
    name : str
    source : str
        Public source of the bounds.
    ratio_step_bps, growth_step_bps : int or None
        Largest relative change of the stored value, either way, rounded down; None = any.
    pause_s : int
        Seconds between two changes.
    ratio_at_most_current : bool
        Whether a ratio above today's is refused.
    growth_not_zero : bool
    refuses_capped : bool
        Whether the change is undone if ``isCapped()`` says true after it.
    """

    name: str
    source: str
    ratio_step_bps: int | None = None
    growth_step_bps: int | None = None
    pause_s: int = 0
    ratio_at_most_current: bool = False
    growth_not_zero: bool = False
    refuses_capped: bool = False

    def __post_init__(self) -> None:
        for step in (self.ratio_step_bps, self.growth_step_bps):
            if step is not None and not 0 <= step <= BPS:
                raise FeedError(f"a step of {step} bps.", remedy="Give 0 to 10000 (100 %).")
        if self.pause_s < 0:
            raise FeedError(f"a pause of {self.pause_s} s.", remedy="Give seconds of 0 or more.")


_AGENT = (
    "AaveCapoAgent.sol (aave-dao/aave-risk-agents); steps of aave-proposals-v3 "
    "20260130_Multi_ActivateCapoRiskAgentAndExpandRatesAgentOnMoreNetworks"
)
_STEWARD = "RiskSteward.sol and DeployStewards.s.sol (aave-dao/aave-v3-risk-stewards)"
SETTERS = MappingProxyType(
    {
        s.name: s
        for s in (
            Setter("risk-admin", "PriceCapAdapterBase.sol (aave-dao/aave-price-feeds)"),
            Setter("capo-agent", _AGENT, 300, 1_000, 3 * DAY_S),
            Setter("risk-steward", _STEWARD, None, 500, 3 * DAY_S, True, True, True),
        )
    }
)


class Box(NamedTuple):
    """Smallest and largest of each number, both included."""

    ratio: tuple[int, int]
    at_s: tuple[int, int]
    growth: tuple[int, int]


def check_values(values: CapValues) -> None:
    """Refuse values no adapter can hold.

    Raises
    ------
    FeedError
        Naming the value.
    """
    if not 0 < values.ratio_raw <= MAX_RATIO_RAW:
        raise FeedError(f"snapshot ratio {values.ratio_raw}.", remedy="Give 1 to 2**104 - 1.")
    if not 0 <= values.growth_bps <= MAX_GROWTH_BPS:
        raise FeedError(f"growth of {values.growth_bps} bps a year.", remedy="Give 0 to 65535.")
    if not 0 < values.at_s < 2**48:
        raise FeedError(f"snapshot time {values.at_s}.", remedy="Give unix seconds.")


def growth_a_second(values: CapValues, scale: int) -> int:
    """Return what the cap grows by a second, in units of ``1 / scale``; rounded as the adapter does."""
    line = CapParameters(values.ratio_raw, values.at_s, values.growth_bps)
    return growth_per_second(line, GrowthScale(scale))


def permitted(adapter: Adapter, setter: Setter, ratio_now_raw: int, now_s: int) -> Box | None:
    """Return every value that may be set now, before any look at ``isCapped()``; None if there is none.

    Parameters
    ----------
    adapter : Adapter
    setter : Setter
        Its pause is not looked at: after it the same values are permitted.
    ratio_now_raw : int
        What the ratio provider says.
    now_s : int
    """
    stored = adapter.stored
    ratio = _step(stored.ratio_raw, setter.ratio_step_bps, MAX_RATIO_RAW)
    growth = _step(stored.growth_bps, setter.growth_step_bps, MAX_GROWTH_BPS)
    oldest = 1 if adapter.max_term_s is None else now_s - adapter.max_term_s
    at_s = (max(stored.at_s + 1, oldest), now_s - adapter.min_delay_s)
    box = Box(
        (max(ratio[0], 1), min(ratio[1], ratio_now_raw) if setter.ratio_at_most_current else ratio[1]),
        at_s,
        (max(growth[0], 1), growth[1]) if setter.growth_not_zero else growth,
    )
    return None if any(low > high for low, high in box) else box


def _step(stored: int, step_bps: int | None, largest: int) -> tuple[int, int]:
    if step_bps is None:
        return 0, largest
    step = stored * step_bps // BPS
    return max(stored - step, 0), min(stored + step, largest)
