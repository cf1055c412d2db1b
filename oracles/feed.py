"""A price feed's settings, where each of them comes from, and nothing else.

A Chainlink-style feed is three numbers: how far the market must move before the
feed follows (*deviation*), how long it may stay silent (*heartbeat*), and how long
a report travels (*delay*).  Rarely are all three known, so each carries its
`Provenance`: read from the operator's configuration, fitted to past rounds, or
assumed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist

from abis.errors import FeedError

PPB = 1_000_000_000
PPB_PER_BPS = 100_000
MAX_DECIMALS = 18
INT64_MAX = 2**63 - 1

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Origin(StrEnum):
    """How a setting came to be known."""

    CONFIGURED = "configured"  # published by the operator or read from the chain
    FITTED = "fitted"  # estimated from past rounds
    ASSUMED = "assumed"  # nobody said so; treat results as conditional on it


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one setting comes from.

    Parameters
    ----------
    origin : Origin
        How it came to be known.
    source : str
        Who said so: a document, a repository and issue, the fitted period.
    """

    origin: Origin
    source: str


ASSUMED = Provenance(Origin.ASSUMED, "not stated by any source")


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds from the trigger of a report to its inclusion on chain.

    Parameters
    ----------
    samples_s : tuple of float
        One value is a constant delay; several are drawn from, one per report.
    observation_s : float
        Seconds from the trigger until the reported price is observed; at most
        the shortest delay.
    seed : int
        Seed of the draws.  The draw of report k in stream s depends on (seed, s, k)
        only, so splitting a path or a block of scenarios changes nothing.

    Raises
    ------
    FeedError
        If a value is negative or not finite, or the observation comes after inclusion.
    """

    samples_s: tuple[float, ...]
    observation_s: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.samples_s:
            raise FeedError("a delay without samples.", remedy="Give at least one number of seconds.")
        for value in (*self.samples_s, self.observation_s):
            if not math.isfinite(value) or value < 0:
                raise FeedError(f"delay {value!r} s is impossible.", remedy="Give seconds of 0 or more.")
        if self.observation_s > min(self.samples_s):
            raise FeedError(
                f"observation after {self.observation_s} s but inclusion after {min(self.samples_s)} s.",
                remedy="Keep observation_s at or below the shortest delay.",
            )
        if not 0 <= self.seed < 2**63:
            raise FeedError(f"delay seed {self.seed} is out of range.", remedy="Give 0 <= seed < 2**63.")

    @property
    def longest_s(self) -> float:
        """Return the longest delay a report can have."""
        return max(self.samples_s)


def fixed_delay(delay_s: float) -> Delay:
    """Return a constant delay of ``delay_s`` seconds."""
    return Delay((float(delay_s),))


def lognormal_delay(median_s: float, sigma: float, *, seed: int, size: int = 1000) -> Delay:
    """Return delays drawn from a lognormal law, for congestion with a fat tail.

    Parameters
    ----------
    median_s : float
        Median delay in seconds.
    sigma : float
        Standard deviation of the logarithm.
    seed : int
        Seed of the draws.
    size : int
        Number of equally likely quantiles the law is represented by.

    Raises
    ------
    FeedError
        If a parameter is not positive and finite.
    """
    for name, value in (("median_s", median_s), ("sigma", sigma), ("size", size)):
        if not math.isfinite(value) or value <= 0:
            raise FeedError(f"{name} = {value!r} is impossible.", remedy="Give a positive finite number.")
    normal = NormalDist()
    quantiles = (normal.inv_cdf((i + 0.5) / size) for i in range(size))
    return Delay(tuple(median_s * math.exp(sigma * z) for z in quantiles), seed=seed)


@dataclass(frozen=True, slots=True)
class RequestSchedule:
    """Rounds somebody asks for at fixed clock times, whatever the price does.

    Both USD feeds in the 2023 history got one every hour at the same minute on top of
    deviation and heartbeat; an update by deviation does not shift the next one.

    Parameters
    ----------
    period_s, phase_s : int
        A round is requested whenever ``time_s % period_s == phase_s``.
    """

    period_s: int
    phase_s: int

    def __post_init__(self) -> None:
        if self.period_s <= 0:
            raise FeedError(f"request period {self.period_s} s is impossible.", remedy="Give a positive one.")
        if not 0 <= self.phase_s < self.period_s:
            raise FeedError(
                f"request phase {self.phase_s} s lies outside its period of {self.period_s} s.",
                remedy="Give 0 <= phase_s < period_s.",
            )


@dataclass(frozen=True, slots=True)
class PriceFeed:
    """Settings of one deviation-and-heartbeat feed.

    Parameters
    ----------
    description : str
        The feed's own name, e.g. ``"ETH / USD"``.  Untrusted text.
    decimals : int
        Decimals of its answers.
    deviation_ppb : int
        Relative move that triggers a report, in parts per billion (0.5 % = 5 000 000).
    heartbeat_s : float
        Age of the last update after which nodes report anyway.
    delay : Delay
        From trigger to inclusion.
    deviation_from, heartbeat_from, delay_from : Provenance
        Where each of the three comes from.
    min_answer_raw, max_answer_raw : int
        Aggregator bounds, inclusive.  A median outside builds no report, so the feed
        freezes; it does not clamp.
    requests : tuple of RequestSchedule
        Rounds requested by the clock.
    address : str, optional
        Proxy or aggregator on chain.

    Raises
    ------
    FeedError
        If a setting is impossible.
    """

    description: str
    decimals: int
    deviation_ppb: int
    heartbeat_s: float
    delay: Delay
    deviation_from: Provenance = ASSUMED
    heartbeat_from: Provenance = ASSUMED
    delay_from: Provenance = ASSUMED
    min_answer_raw: int = 1
    max_answer_raw: int = INT64_MAX
    requests: tuple[RequestSchedule, ...] = field(default=())
    address: str | None = None

    def __post_init__(self) -> None:
        name = self.description
        if not name.strip():
            raise FeedError("a feed without a description.", remedy='Name it, e.g. "ETH / USD".')
        if not 0 <= self.decimals <= MAX_DECIMALS:
            raise FeedError(
                f"feed {name!r}: {self.decimals} decimals.", remedy=f"Give 0 to {MAX_DECIMALS} decimals."
            )
        if not 1 <= self.deviation_ppb <= PPB:
            raise FeedError(
                f"feed {name!r}: deviation of {self.deviation_ppb} parts per billion.",
                remedy="Give 1 to 1000000000 (100 %); 0.5 % is 5000000.",
            )
        if not math.isfinite(self.heartbeat_s) or self.heartbeat_s <= 0:
            raise FeedError(
                f"feed {name!r}: heartbeat of {self.heartbeat_s!r} s.", remedy="Give a positive number."
            )
        if self.min_answer_raw > self.max_answer_raw:
            raise FeedError(
                f"feed {name!r}: smallest answer {self.min_answer_raw} above largest {self.max_answer_raw}.",
                remedy="Check minAnswer() and maxAnswer() of the aggregator.",
            )
        if self.max_answer_raw < 1:
            raise FeedError(
                f"feed {name!r}: largest answer {self.max_answer_raw} allows no positive price.",
                remedy="Check maxAnswer() of the aggregator.",
            )
        if self.address is not None and not _ADDRESS.fullmatch(self.address):
            raise FeedError(
                f"feed {name!r}: {self.address!r} is no address.", remedy="Give 0x and 40 hex digits."
            )

    @property
    def deviation_bps(self) -> float:
        """Return the deviation threshold in basis points."""
        return self.deviation_ppb / PPB_PER_BPS


def ppb_from_bps(bps: float) -> int:
    """Return a threshold in parts per billion, rounded to the nearest.

    Raises
    ------
    FeedError
        If ``bps`` is not finite.
    """
    if not math.isfinite(bps):
        raise FeedError(f"deviation {bps!r} bps is no number.", remedy="Give basis points, 50 for 0.5 %.")
    return round(bps * PPB_PER_BPS)
