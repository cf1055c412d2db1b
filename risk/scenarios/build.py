"""Builders of `Scenarios` from shocks: lists, grids and rays of the market factor.

Every scenario here is instantaneous: one time step at 0 s, one venue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from abis.errors import BadShock, ScenarioError
from protocols.snapshot import Snapshot
from risk.scenarios.families import MARKET, Tree, resolve, tree_of
from risk.scenarios.market_factor import beta_findings, betas
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.scenarios.shocks import Fair, Shock, factors, parse_percent, parse_shock, percent

FloatArray = NDArray[np.float64]

VENUE = "market"  # the one venue of a shock
MAX_POINTS = 1_000_000


def digest(parts: Mapping[str, object], *arrays: FloatArray) -> str:
    """Return the sha256 of JSON-ready ``parts`` and of the bytes of ``arrays``."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    state = hashlib.sha256(text.encode())
    for array in arrays:
        state.update(str(array.shape).encode())
        state.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return state.hexdigest()


def instantaneous(
    snapshot: Snapshot,
    names: Sequence[str],
    groups: Sequence[str],
    rows: Callable[[int, int], tuple[FloatArray, FloatArray]],
    identity: str,
    weight: FloatArray | None = None,
) -> Scenarios:
    """Return one-step scenarios of price factors.

    Parameters
    ----------
    snapshot : Snapshot
        Gives the prices the factors multiply.
    names, groups : sequence of str, length S
    rows : callable (start, stop) -> (market, fair), both (stop - start, A) float64
        Price factors of those scenarios.
    identity : str
        Hash of all that determines ``rows``.
    weight : (S,) float64, optional
        1 each by default.
    """
    price = snapshot.price_usd

    def produce(start: int, stop: int) -> ScenarioBlock:
        market, fair = rows(start, stop)
        return ScenarioBlock(start, (market * price)[:, None, None, :], (fair * price)[:, None, :])

    weights = np.ones(len(names)) if weight is None else np.asarray(weight, dtype=np.float64)
    parts = {"names": list(names), "groups": list(groups), "assets": snapshot.asset_names, "rows": identity}
    return Scenarios(
        names=tuple(names),
        groups=tuple(groups),
        assets=snapshot.asset_names,
        venues=(VENUE,),
        time_s=np.zeros(1),
        weight=weights,
        seed=None,
        sha256=digest(parts, price, weights),
        produce=produce,
    )


def from_shocks(
    shocks: Sequence[str | Shock],
    snapshot: Snapshot,
    *,
    fair: Fair = "redemption",
    groups: Sequence[str] | None = None,
    weight: FloatArray | None = None,
    given_betas: Mapping[str, float] | None = None,
) -> Scenarios:
    """Return one scenario a shock.

    Parameters
    ----------
    shocks : sequence of str or Shock, length S
        Text in the grammar of `risk.scenarios.shocks`, or shocks.
    snapshot : Snapshot
    fair : {"redemption", "market"}
        What a staked token shocked against its underlying is worth; see `shocks.factors`.
    groups : sequence of str, optional
        One a shock; ``user`` by default.
    weight : (S,) float64, optional
    given_betas : mapping of str to float, optional
        Betas that win over the shipped ones.

    Raises
    ------
    BadShock, UnknownAsset
        If a text is malformed or names an asset the market lacks.
    ScenarioError
        If there is no shock, or groups or weights do not fit.
    """
    tree = tree_of(snapshot)
    parsed = [parse_shock(s, snapshot) if isinstance(s, str) else s for s in shocks]
    table = betas(tree, given_betas)
    rows = [factors(shock, tree, table, fair) for shock in parsed]
    shape = (len(parsed), len(snapshot.reserves))
    market = np.array([r.market for r in rows]).reshape(shape)
    worth = np.array([r.fair for r in rows]).reshape(shape)
    scenarios = instantaneous(
        snapshot,
        [shock.name for shock in parsed],
        list(groups) if groups is not None else ["user"] * len(parsed),
        lambda start, stop: (market[start:stop], worth[start:stop]),
        digest({"kind": "shocks"}, market, worth),
        weight,
    )
    if not any(MARKET in shock.moves for shock in parsed):
        return scenarios
    return replace(scenarios, findings=beta_findings(tree, given_betas))


def parse_grid(text: str, snapshot: Snapshot) -> tuple[str | tuple[str, str], FloatArray]:
    """Return the subject and the price factors of a ``--grid`` argument.

    Parameters
    ----------
    text : str
        ``WETH=0:-60%:61``, ``market=0:-50%:26`` or ``wstETH/WETH=0:-10%:11``: first value,
        last value, number of points.
    snapshot : Snapshot

    Returns
    -------
    subject : str or (str, str)
        A node, `MARKET`, or a ratio.
    levels : (n,) float64
        Price factors, evenly spaced.

    Raises
    ------
    BadShock, UnknownAsset
        If the text is malformed or names an asset the market lacks.
    """
    remedy = "Write first:last:points, such as WETH=0:-60%:61."
    subject, equals, line = text.partition("=")
    ends = line.split(":")
    if not equals or len(ends) != 3 or "," in text:
        raise BadShock(f"'{text}' is no grid.", remedy=remedy)
    try:
        points = int(ends[2])
    except ValueError:
        raise BadShock(f"'{ends[2]}' is no number of points.", remedy=remedy) from None
    if not 2 <= points <= MAX_POINTS:
        raise BadShock(f"a grid of {points} points is impossible.", remedy=f"Give 2 to {MAX_POINTS}.")
    first, last = (Decimal(str(parse_percent(end))) for end in ends[:2])
    # Decimal, so that the point at -30 % is the same float as the shock of -30 %.
    levels = np.array([float(first + (last - first) * i / (points - 1)) for i in range(points)])
    return _grid_subject(subject.strip(), snapshot), levels


def _grid_subject(text: str, snapshot: Snapshot) -> str | tuple[str, str]:
    if text == MARKET:
        return MARKET
    if "/" not in text:
        return resolve(text, snapshot, tree_of(snapshot))
    ((first, second),) = parse_shock(f"{text}=0%", snapshot).pairs
    return first, second


def grid(
    text: str,
    snapshot: Snapshot,
    *,
    fair: Fair = "redemption",
    group: str | None = None,
    given_betas: Mapping[str, float] | None = None,
) -> Scenarios:
    """Return scenarios along one line; made block by block, so any number of points fits.

    Parameters
    ----------
    text : str
        See `parse_grid`.
    snapshot : Snapshot
    fair : {"redemption", "market"}
        For a ratio, as in `from_shocks`.
    group : str, optional
        ``market`` for the market factor, else ``grid``.
    given_betas : mapping of str to float, optional

    Raises
    ------
    BadShock, UnknownAsset
        As `parse_grid`.
    """
    subject, levels = parse_grid(text, snapshot)
    tree = tree_of(snapshot)
    market, worth = _exponents(subject, tree, fair, given_betas)
    label = subject if isinstance(subject, str) else "/".join(subject)
    scenarios = instantaneous(
        snapshot,
        [f"{label} {percent(level)}" for level in levels],
        [group or ("market" if subject == MARKET else "grid")] * len(levels),
        lambda start, stop: (levels[start:stop, None] ** market, levels[start:stop, None] ** worth),
        digest({"kind": "ray"}, levels, market, worth),
    )
    return replace(scenarios, findings=beta_findings(tree, given_betas)) if subject == MARKET else scenarios


def _exponents(
    subject: str | tuple[str, str], tree: Tree, fair: Fair, given: Mapping[str, float] | None
) -> tuple[FloatArray, FloatArray]:
    """Return the powers of the level that multiply market and fair price, (A,) each."""
    if subject == MARKET:
        table = betas(tree, given)
        power = np.array([table[c[-1]] for c in tree.chains])
        return power, power
    if isinstance(subject, str):
        power = tree.holds(subject).astype(np.float64)
        return power, power
    first, second = subject
    power = tree.holds(first).astype(np.float64)
    redeemable = fair == "redemption" and second in tree.up[first]
    return power, np.zeros_like(power) if redeemable else power


def combine(parts: Sequence[Scenarios], weight: FloatArray | None = None) -> Scenarios:
    """Return several batches as one, in order.

    Parameters
    ----------
    parts : sequence of Scenarios
        Of one market and one set of venues.  Instantaneous batches may stand beside paths:
        the shock happens at once and the price then stays.
    weight : (S,) float64, optional
        Of all scenarios in order; those of the parts by default.

    Raises
    ------
    ScenarioError
        If there are none, or assets, venues or time grids differ.
    """
    if not parts:
        raise ScenarioError("no scenarios were given.", remedy="Give at least one shock, grid or history.")
    head = max(parts, key=lambda p: len(p.time_s))
    for part in parts:
        if part.assets != head.assets or part.venues != head.venues:
            raise ScenarioError("scenarios of different markets or venues cannot be one batch.")
        if len(part.time_s) > 1 and not np.array_equal(part.time_s, head.time_s):
            raise ScenarioError(
                f"paths of {len(part.time_s)} and {len(head.time_s)} steps cannot be one batch.",
                remedy="Give every window the same length and step, or run them apart.",
            )
    weights = np.concatenate([p.weight for p in parts]) if weight is None else weight
    return _concatenated(parts, head.time_s, weights)


def _concatenated(parts: Sequence[Scenarios], time_s: FloatArray, weight: FloatArray) -> Scenarios:
    bounds = np.cumsum([0, *(len(p) for p in parts)])
    findings = tuple(dict.fromkeys(f for p in parts for f in p.findings))
    seeds = {p.seed for p in parts if p.seed is not None}

    def produce(start: int, stop: int) -> ScenarioBlock:
        blocks = [
            part.produce(max(start - lo, 0), min(stop, lo + len(part)) - lo)
            for part, lo in zip(parts, (int(b) for b in bounds), strict=False)
            if lo < stop and lo + len(part) > start
        ]
        shape = (stop - start, len(time_s), *blocks[0].market_price_usd.shape[2:])
        market, fair = np.empty(shape), np.empty((shape[0], shape[1], shape[3]))
        at = 0
        for block in blocks:
            market[at : at + len(block)] = block.market_price_usd  # one step is held over all
            fair[at : at + len(block)] = block.fair_price_usd
            at += len(block)
        return ScenarioBlock(start, market, fair)

    return Scenarios(
        names=tuple(n for p in parts for n in p.names),
        groups=tuple(g for p in parts for g in p.groups),
        assets=parts[0].assets,
        venues=parts[0].venues,
        time_s=time_s,
        weight=weight,
        seed=seeds.pop() if len(seeds) == 1 else None,
        sha256=digest({"kind": "combined", "parts": [p.sha256 for p in parts]}, time_s, weight),
        produce=produce,
        findings=findings,
    )
