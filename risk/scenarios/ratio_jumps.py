"""Depegs: a stable or staked token falls against what it stands for, and comes back or not.

Jumps arrive at a rate; the fall ``x`` has a Beta law; the log ratio then decays with a half
life, ``log ratio(t) = log(1 - x) 2^(-(t - t_jump) / half_life)``.  They multiply the market
price.  The fair price follows where the depeg is real (backing is gone, redemption is shut)
and stays where it is a dislocation.

``data/ratio_events.csv`` lists published depegs.  They are known because they were large, so
their mean says how deep a depeg is once there is one, and nothing about how often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from abis.errors import ScenarioError
from protocols.snapshot import Snapshot
from risk.scenarios.build import digest
from risk.scenarios.candles import Candles
from risk.scenarios.families import read_table, resolve, tree_of
from risk.scenarios.paths import check_seed
from risk.scenarios.scenarios import ScenarioBlock, Scenarios

FloatArray = NDArray[np.float64]

YEAR_S = 365.25 * 86_400
CALM, TROUBLED = 0.0025, 0.005  # an episode begins at a discount of the second, ends below the first


@dataclass(frozen=True, slots=True)
class Severity:
    """Law of the fall: Beta with ``mean`` and ``sd``, both as fractions of the price."""

    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (0 < self.mean < 1 and self.sd > 0 and self.sd**2 < self.mean * (1 - self.mean)):
            raise ScenarioError(
                f"no fall has mean {self.mean} and standard deviation {self.sd}.",
                remedy="Give fractions, such as 0.08 and 0.05.",
            )

    @property
    def shape(self) -> tuple[float, float]:
        """The parameters a and b of the Beta law."""
        size = self.mean * (1 - self.mean) / self.sd**2 - 1
        return self.mean * size, (1 - self.mean) * size

    def draw(self, u: FloatArray) -> FloatArray:
        """Return the quantiles at ``u``; never a fall of everything, after which no ratio comes back."""
        from scipy.stats import beta

        return np.minimum(beta.ppf(u, *self.shape), 1 - 1e-6)


@dataclass(frozen=True, slots=True)
class RatioJump:
    """One source of depegs.

    Parameters
    ----------
    tokens : mapping of str to float
        Token to the share of the log fall it takes: a stable backed by another takes part of
        its fall.  What follows a token falls with it.
    severity : Severity
    half_life_s : float
        Infinite for a fall that stays.
    per_year : float
        Mean number of jumps a year; 0 where ``certain``.
    certain : bool
        Exactly one jump in every path, at a uniform time.
    real : bool
        Whether the fair price falls too.
    """

    tokens: Mapping[str, float]
    severity: Severity
    half_life_s: float
    per_year: float = 0.0
    certain: bool = False
    real: bool = False

    def __post_init__(self) -> None:
        if not self.tokens or not all(0 < share <= 1 for share in self.tokens.values()):
            raise ScenarioError("a depeg needs tokens with shares above 0, at most 1.")
        if not self.half_life_s > 0:
            raise ScenarioError(f"a half life of {self.half_life_s} s is impossible.")
        if self.certain == (self.per_year != 0) or not 0 <= self.per_year < 1e4:
            raise ScenarioError(
                "a depeg has either a rate per year or is certain.",
                remedy="Give per_year = 1.5, or certain = true.",
            )

    def log_ratio(self, time_s: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the log ratio at each time of one path, (T,)."""
        span = float(time_s[-1] - time_s[0])
        count = 1 if self.certain else int(rng.poisson(self.per_year * span / YEAR_S))
        if count == 0:
            return np.zeros(len(time_s))
        when = time_s[0] + span * rng.random(count)
        # At the next point of the grid the fall is seen whole.
        seen = time_s[np.searchsorted(time_s, when, side="left")]
        fall = np.log1p(-self.severity.draw(rng.random(count)))
        age = time_s[:, None] - seen
        return np.asarray(
            np.where(age >= 0, fall * np.exp2(-np.maximum(age, 0) / self.half_life_s), 0).sum(1)
        )


def with_ratio_jumps(
    base: Scenarios, jumps: Sequence[RatioJump], snapshot: Snapshot, *, seed: int
) -> Scenarios:
    """Return scenarios in which tokens jump against what they follow, on top of their paths.

    Parameters
    ----------
    base : Scenarios
        With more than one time.
    jumps : sequence of RatioJump
    snapshot : Snapshot
    seed : int

    Raises
    ------
    ScenarioError
        If the scenarios are instantaneous.
    UnknownAsset
        If a token is not in the market.
    """
    if len(base.time_s) < 2:
        raise ScenarioError(
            "a depeg in time needs paths, these shocks are instantaneous.",
            remedy="Use a ratio shock, such as wstETH/WETH=-5%.",
        )
    check_seed(seed)
    shares = np.stack([_shares(jump, snapshot) for jump in jumps])
    real = np.array([jump.real for jump in jumps])

    def produce(start: int, stop: int) -> ScenarioBlock:
        block = base.produce(start, stop)
        ratio = np.stack([_log_ratios(jumps, base.time_s, seed, k) for k in range(start, stop)])  # (S, T, J)
        market = np.exp(ratio @ shares)
        fair = np.exp((ratio * real) @ shares)
        return ScenarioBlock(start, block.market_price_usd * market[:, :, None], block.fair_price_usd * fair)

    parts = {"kind": "depeg", "base": base.sha256, "seed": seed, "jumps": [_json(j) for j in jumps]}
    return replace(base, seed=seed, sha256=digest(parts, shares), produce=produce)


def _shares(jump: RatioJump, snapshot: Snapshot) -> FloatArray:
    """Return the share of the log fall each asset takes, (A,): its own, else that of what it follows."""
    tree = tree_of(snapshot)
    given = [(tree.holds(resolve(t, snapshot, tree)), share) for t, share in jump.tokens.items()]
    out = np.zeros(len(snapshot.reserves))
    for held, share in sorted(given, key=lambda row: -int(row[0].sum())):  # who follows comes after
        out[held] = share
    return out


def _log_ratios(jumps: Sequence[RatioJump], time_s: FloatArray, seed: int, number: int) -> FloatArray:
    streams = np.random.SeedSequence(seed, spawn_key=(number,)).spawn(len(jumps))
    return np.stack(
        [j.log_ratio(time_s, np.random.default_rng(s)) for j, s in zip(jumps, streams, strict=True)], axis=1
    )


def _json(jump: RatioJump) -> dict[str, object]:
    return {**asdict(jump), "tokens": dict(jump.tokens), "half_life_s": repr(jump.half_life_s)}


@cache
def published_severity(kind: str) -> Severity:
    """Return the severity of published depegs of ``stable`` or ``staked`` tokens.

    Raises
    ------
    ScenarioError
        If the kind is unknown.
    """
    lows = [float(r["low_ratio"]) for r in read_table("ratio_events.csv") if r["kind"] == kind]
    if len(lows) < 2:
        raise ScenarioError(f"there are no published depegs of '{kind}'.", remedy="Choose stable or staked.")
    fall = 1 - np.array(lows)
    return Severity(float(fall.mean()), float(fall.std(ddof=1)))


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch below par: when it began, how deep, and how long from the low to half the depth."""

    start_s: int
    fall: float
    half_life_s: float


def episodes(ratio: Candles) -> tuple[Episode, ...]:
    """Return the episodes of a ratio series, par = 1.

    An episode begins when the discount exceeds `TROUBLED` and ends when it is below `CALM`.
    One that the series cuts off has an infinite half life unless half was recovered.
    """
    discount = 1 - ratio.price
    found, inside, start = [], False, 0
    for i, d in enumerate(discount):
        if not inside and d > TROUBLED:
            inside, start = True, i
        elif inside and d < CALM:
            found.append(_episode(ratio, discount, start, i + 1))
            inside = False
    if inside:
        found.append(_episode(ratio, discount, start, len(discount)))
    return tuple(found)


def _episode(ratio: Candles, discount: FloatArray, start: int, stop: int) -> Episode:
    low = start + int(np.argmax(discount[start:stop]))
    back = np.flatnonzero(discount[low:stop] <= discount[low] / 2)
    life = float(ratio.end_s[low + back[0]] - ratio.end_s[low]) if len(back) else float("inf")
    return Episode(int(ratio.end_s[start]), float(discount[low]), max(life, float(ratio.step_s)))


def fit_ratio_jumps(token: str, ratio: Candles, *, real: bool = False) -> RatioJump:
    """Return the source of depegs that a ratio series shows.

    Parameters
    ----------
    token : str
    ratio : Candles
        Price of the token in what it follows (or its currency), par = 1.
    real : bool
        As in `RatioJump`; the series does not tell.

    Raises
    ------
    ScenarioError
        If there are fewer than two episodes: neither a rate nor a law follows from one.
    """
    found = episodes(ratio)
    if len(found) < 2:
        raise ScenarioError(
            f"{token} shows {len(found)} episodes beyond {TROUBLED:.1%}: too few to estimate from.",
            remedy="Give a longer series, or state the depeg yourself.",
        )
    fall = np.array([e.fall for e in found])
    years = (ratio.end_s[-1] - ratio.end_s[0]) / YEAR_S
    return RatioJump(
        tokens={token: 1.0},
        severity=Severity(float(fall.mean()), float(fall.std(ddof=1))),
        half_life_s=float(np.median([e.half_life_s for e in found])),
        per_year=float(len(found) / years),
        real=real,
    )
