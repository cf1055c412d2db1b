"""Seeded draws of the demo market; standard library only, so that they never change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random
from statistics import NormalDist

_NORMAL = NormalDist()


def largest_remainder(total: int, shares: Sequence[float]) -> list[int]:
    """Return whole counts that sum to ``total``, at least one each, close to ``shares``."""
    spare = total - len(shares)
    if spare < 0:
        raise ValueError(f"{total} cannot be split into {len(shares)} parts of at least one")
    # One each first, then the rest by how far each is below its share.
    wanted = [max(share * total / sum(shares) - 1.0, 0.0) for share in shares]
    scale = spare / sum(wanted) if spare else 0.0
    exact = [want * scale for want in wanted]
    counts = [int(each) for each in exact]
    order = sorted(range(len(shares)), key=lambda i: (counts[i] - exact[i], i))
    for i in order[: spare - sum(counts)]:
        counts[i] += 1
    return [count + 1 for count in counts]


def stratified(random: Random, count: int) -> list[float]:
    """Return ``count`` uniforms in (0, 1), one from each of ``count`` equal bands, shuffled.

    Even a small market then shows the whole distribution, and totals hardly depend on
    the seed.
    """
    uniforms = [(band + 0.05 + 0.9 * random.random()) / count for band in range(count)]
    random.shuffle(uniforms)
    return uniforms


def lognormal(uniform: float, median: float, sigma: float, *, above: float = 0.0) -> float:
    """Return the quantile of a lognormal truncated from below at ``above``."""
    ratio = above / median
    below = _NORMAL.cdf(math.log(ratio) / sigma) if ratio > 0.0 else 0.0
    return median * math.exp(sigma * _NORMAL.inv_cdf(below + uniform * (1.0 - below)))


def pick(random: Random, menu: Mapping[str, float], count: int) -> list[str]:
    """Return up to ``count`` different entries of a weighted menu."""
    left = dict(menu)
    chosen: list[str] = []
    while left and len(chosen) < count:
        [name] = random.choices(list(left), list(left.values()))
        chosen.append(name)
        del left[name]
    return chosen


def weights(random: Random, count: int) -> list[float]:
    """Return ``count`` falling weights that sum to one."""
    raw = sorted((0.15 + random.random() for _ in range(count)), reverse=True)
    return [each / sum(raw) for each in raw]
