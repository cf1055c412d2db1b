"""`Depth`: what selling a given size fetches now.

A table a reserve, read from ``--depth FILE`` (CSV or Parquet, docs/depth.md) with the
columns ``asset, size_tokens, proceeds_usd, time, source``.  Between its points a curve is
straight, it starts at (0, 0), and beyond its last point nothing more can be sold: the
marginal price is 0.  A reserve without a curve is assumed infinitely deep, and whoever
prints a number that rests on that says so (`INFINITE_DEPTH`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abis.errors import InputError
from abis.findings import Finding
from protocols.snapshot import Snapshot

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

INFINITE_DEPTH = "INFINITE DEPTH ASSUMED"


@dataclass(frozen=True, eq=False)
class Depth:
    """One proceeds curve a reserve, padded for kernels.

    Parameters
    ----------
    assets : tuple of str, length A
        In the order of the snapshot's reserves.
    count : (A,) int64
        Points of each curve, the origin included; 0 = no curve, infinitely deep.
    size_tokens : (A, K) float64
        Cumulative size sold, whole tokens, strictly increasing along the first ``count``
        entries; padding repeats the last point.
    proceeds_usd : (A, K) float64
        Cumulative proceeds at those sizes, non-decreasing and concave.
    price_usd : (A,) float64
        Undisturbed price the curves were checked against: the snapshot's.
    time_s : (A,) int64
        Unix time of each curve; 0 without one.
    source : tuple of str, length A
        Where each curve comes from; empty without one.  Untrusted text.
    findings : tuple of Finding
    sink : tuple of int, length A, optional
        Reserves with the same number are sold to the same buyers: a sale of one uses up the depth
        of all, dollar for dollar.  By default each its own.
    half_life_s : (A,) float64, optional
        Time in which half of what sales used up is there again; inf, never, by default.
    lasting_share : (A,) float64, optional
        Share of what they used up that never comes back; 0 by default.
    """

    assets: tuple[str, ...]
    count: IntArray
    size_tokens: FloatArray
    proceeds_usd: FloatArray
    price_usd: FloatArray
    time_s: IntArray
    source: tuple[str, ...]
    findings: tuple[Finding, ...] = field(default=())
    sink: tuple[int, ...] | None = None
    half_life_s: FloatArray | None = None
    lasting_share: FloatArray | None = None

    def __post_init__(self) -> None:
        for name, values in (("half_life_s", self.half_lives_s), ("lasting_share", self.lasting)):
            most = np.inf if name == "half_life_s" else 1.0
            if values.shape != (len(self.assets),) or not ((values >= 0) & (values <= most)).all():
                raise InputError(
                    f"{name} {values} of {len(self.assets)} reserves is impossible.",
                    remedy=f"Give one number from 0 to {most} a reserve.",
                )
        if len(self.sinks) != len(self.assets):
            raise InputError(f"{len(self.sinks)} sinks of {len(self.assets)} reserves.")

    @property
    def sinks(self) -> IntArray:
        """Number of each reserve's sink, (A,)."""
        return np.array(self.sink if self.sink is not None else range(len(self.assets)), dtype=np.int64)

    @property
    def half_lives_s(self) -> FloatArray:
        """Half-life of each reserve's depth, (A,)."""
        own = self.half_life_s
        return np.full(len(self.assets), np.inf) if own is None else np.asarray(own, dtype=np.float64)

    @property
    def lasting(self) -> FloatArray:
        """Lasting share of each reserve's impact, (A,)."""
        own = self.lasting_share
        return np.zeros(len(self.assets)) if own is None else np.asarray(own, dtype=np.float64)

    def recovering(self, half_life_s: float, lasting_share: float = 0.0) -> Depth:
        """Return the same curves, refilling with one half-life but for a lasting share.

        Raises
        ------
        InputError
            If the half-life is negative or the share outside [0, 1].
        """
        n = len(self.assets)
        lives, shares = np.full(n, float(half_life_s)), np.full(n, float(lasting_share))
        return replace(self, half_life_s=lives, lasting_share=shares)

    def sharing(self, groups: Iterable[Iterable[str]]) -> Depth:
        """Return the same curves where the assets of each group share one sink.

        Raises
        ------
        InputError
            If an asset is unknown or in two groups.
        """
        sink = list(range(len(self.assets)))
        seen: set[str] = set()
        for group in groups:
            names = list(group)
            for name in names:
                if name not in self.assets or name in seen:
                    raise InputError(
                        f"'{name}' is no asset, or in two sinks.", remedy=f"Known: {', '.join(self.assets)}."
                    )
                seen.add(name)
                sink[self.assets.index(name)] = self.assets.index(names[0])
        return replace(self, sink=tuple(sink))

    @classmethod
    def load(cls, path: Path, snapshot: Snapshot) -> Depth:
        """Return the curves of a file; see `risk.depth_file.load_depth`."""
        from risk.depth_file import load_depth

        return load_depth(path, snapshot)

    @classmethod
    def infinite_for(cls, snapshot: Snapshot) -> Depth:
        """Return the assumption that every reserve sells without limit at its price."""
        n = len(snapshot.reserves)
        none = np.zeros((n, 1))
        zero = np.zeros(n, dtype=np.int64)
        return cls(snapshot.asset_names, zero, none, none, snapshot.price_usd, zero, ("",) * n)

    @property
    def infinite(self) -> NDArray[np.bool_]:
        """Which reserves are assumed infinitely deep, (A,) bool."""
        return np.asarray(self.count == 0)

    def notice(self, assets: IntArray | None = None) -> str:
        """Return `INFINITE_DEPTH` with the reserves it concerns, empty if there are none.

        Parameters
        ----------
        assets : (n,) int64, optional
            Only these reserves matter; all by default.
        """
        chosen = range(len(self.assets)) if assets is None else assets.tolist()
        names = [self.assets[i] for i in chosen if self.count[i] == 0]
        return f"{INFINITE_DEPTH}: {', '.join(names)}" if names else ""

    def proceeds(self, asset: int, size_tokens: FloatArray, price_factor: float = 1.0) -> FloatArray:
        """Return what selling fetches.

        Parameters
        ----------
        asset : int
            Reserve index.
        size_tokens : float64 array of any shape
            Sizes sold, whole tokens, >= 0.
        price_factor : float
            Price over the snapshot's; the whole curve scales with it.

        Returns
        -------
        float64 array of the same shape
            USD; at most ``size * price * factor``.

        Raises
        ------
        InputError
            If a size is negative or not finite, or the factor is.
        """
        size = np.asarray(size_tokens, dtype=np.float64)
        if not (np.isfinite(size).all() and (size >= 0).all()):
            raise InputError("sizes sold must be finite and >= 0.", remedy="Check the amounts.")
        if not (np.isfinite(price_factor) and price_factor >= 0):
            raise InputError(f"price factor {price_factor} must be finite and >= 0.")
        n = int(self.count[asset])
        if n == 0:
            return np.asarray(size * (self.price_usd[asset] * price_factor))
        curve = np.interp(size, self.size_tokens[asset, :n], self.proceeds_usd[asset, :n])
        return np.asarray(curve * price_factor)

    def slippage(self, asset: int, size_tokens: FloatArray) -> FloatArray:
        """Return ``1 - proceeds / (size * price)``, 0 at size 0 and where depth is infinite."""
        size = np.asarray(size_tokens, dtype=np.float64)
        ideal = size * self.price_usd[asset]
        got = self.proceeds(asset, size)
        return np.where(ideal > 0, 1 - got / np.where(ideal > 0, ideal, 1.0), 0.0)

    def size_within(self, asset: int, slippage: float) -> float:
        """Return the largest size whose average slippage stays within ``slippage``.

        Parameters
        ----------
        asset : int
        slippage : float
            In [0, 1).

        Returns
        -------
        float
            Whole tokens; inf where depth is infinite, at most the size at which proceeds
            flatten out to that average.

        Raises
        ------
        InputError
            If ``slippage`` is outside [0, 1).
        """
        if not 0 <= slippage < 1:
            raise InputError(f"slippage {slippage} must be in [0, 1).")
        n = int(self.count[asset])
        if n == 0:
            return float("inf")
        wanted = (1 - slippage) * self.price_usd[asset]
        size, got = self.size_tokens[asset, :n], self.proceeds_usd[asset, :n]
        # Average price falls with size (concave curve), so the last good point is unique.
        good = int(np.flatnonzero(got >= wanted * size)[-1])
        if good == n - 1:
            return float(got[-1] / wanted) if wanted > 0 else float("inf")
        slope = (got[good + 1] - got[good]) / (size[good + 1] - size[good])
        return float(size[good] + (got[good] - wanted * size[good]) / (wanted - slope))

    def scaled(self, factor: float) -> Depth:
        """Return the curves ``factor`` times as deep: the same prices at ``factor`` times the size.

        Raises
        ------
        InputError
            If the factor is not positive and finite.
        """
        if not (np.isfinite(factor) and factor > 0):
            raise InputError(f"depth cannot be scaled by {factor}.", remedy="Give a positive factor.")
        return replace(self, size_tokens=self.size_tokens * factor, proceeds_usd=self.proceeds_usd * factor)
