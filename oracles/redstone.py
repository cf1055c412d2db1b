"""RedStone prices: pushed like a Chainlink feed, or carried in the reader's own call.

*Push.*  A relayer updates when a signer's value deviates by MIN_DEVIATION_PERCENTAGE or more
from the contract's, or when UPDATE_PRICE_INTERVAL or more has passed (on-chain-relayer
``check-value-deviation-condition.ts``, ``time-condition.ts``): the map of `oracles.chainlink`,
except that the interval is met at its very second where OCR waits until it is exceeded.
Two things it leaves out: the relayer looks at each signer, not only at their median, and
the adapter refuses a second update within 3 seconds.

*Pull.*  The call carries signed packages; the contract takes their median and accepts them
up to 180 s old and 60 s ahead of the block (``RedstoneDefaultsLib``).  Nothing is stored, so
whoever calls chooses within the window: `oracles.pyth` without a keeper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from abis.errors import FeedError
from oracles.feed import ASSUMED, Delay, Origin, PriceFeed, Provenance, fixed_delay, ppb_from_bps
from oracles.pyth import Choice, PythFeed

MAX_DELAY_S = 180
MAX_AHEAD_S = 60

# description -> deviation in bps, interval in seconds, as docs.redstone.finance states them
_STATED = {"weETH / USD": (100, 6 * 3600), "weETH / ETH": (50, 24 * 3600)}
_SOURCE = "docs.redstone.finance, push feeds"


def push_feed(
    description: str,
    decimals: int = 8,
    *,
    deviation_bps: float | None = None,
    interval_s: float | None = None,
    delay: Delay | None = None,
) -> PriceFeed:
    """Return a pushed feed for `oracles.chainlink` to run.

    Parameters
    ----------
    description : str
        Base and quote, as ``"weETH / USD"``.
    decimals : int
    deviation_bps : float, optional
        Relayer's deviation; the published one if missing.
    interval_s : float, optional
        Relayer's interval; the published one if missing.
    delay : Delay, optional
        From trigger to inclusion; none if missing, and labelled as assumed.

    Raises
    ------
    FeedError
        If a setting is impossible, or missing without a published one.
    """
    stated = _STATED.get(description, (None, None))
    deviation = stated[0] if deviation_bps is None else deviation_bps
    interval = stated[1] if interval_s is None else interval_s
    if deviation is None or interval is None:
        raise FeedError(
            f"RedStone feed {description!r}: no published deviation and interval.",
            remedy="Give deviation_bps and interval_s.",
        )
    published, given = Provenance(Origin.CONFIGURED, _SOURCE), Provenance(Origin.CONFIGURED, "the caller")
    return PriceFeed(
        description=description,
        decimals=decimals,
        deviation_ppb=ppb_from_bps(deviation),
        # Longer than this is the same as `interval` or longer.
        heartbeat_s=math.nextafter(interval, 0.0),
        delay=fixed_delay(0.0) if delay is None else delay,
        deviation_from=published if deviation_bps is None else given,
        heartbeat_from=published if interval_s is None else given,
        delay_from=ASSUMED if delay is None else given,
    )


def pull_feed(
    description: str, choice: Choice, *, decimals: int = 8, max_delay_s: int = MAX_DELAY_S
) -> PythFeed:
    """Return a feed read from the caller's own packages, for `oracles.pyth` to run.

    Raises
    ------
    FeedError
        If a setting is impossible, or the choice is the latest post: nothing is posted.
    """
    return PythFeed(
        description, decimals, expo=-decimals, max_age_s=max_delay_s, post_every_s=None, choice=choice
    )


def is_fresh(
    package_ms: int, block_s: int, *, max_delay_s: int = MAX_DELAY_S, max_ahead_s: int = MAX_AHEAD_S
) -> bool:
    """Return whether ``validateTimestamp`` accepts a package signed at ``package_ms``.

    Parameters
    ----------
    package_ms : int
        Milliseconds; the contract cuts them to seconds first.
    block_s : int
        Time of the block.
    """
    return -max_ahead_s <= block_s - package_ms // 1000 <= max_delay_s


def median_down(values: Sequence[int]) -> int:
    """Return the median as ``NumericArrayLib.pickMedian``: an even count's middle two, averaged down.

    Raises
    ------
    FeedError
        If there are no values.
    """
    if not values:
        raise FeedError("the median of no packages.", remedy="Give at least one signer's value.")
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) // 2
