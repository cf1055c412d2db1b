"""The closed-form seed: a first choice that needs no scenarios, for the search to begin with.

SmartLTV, ``exp(-c sigma sqrt(d / l)) - beta``, of every collateral against every debt it backs, the
lowest taken (backstop-protocol/smart-ltv, SmartLTV.sol), read as a threshold on the menu.
"""

from __future__ import annotations

import numpy as np

from abis.errors import InputError
from protocols.snapshot import Snapshot
from risk.depth import Depth
from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.families import tree_of
from risk.solver.cap_options import Kind
from risk.solver.closed_forms import DAY_YEARS, smart_ltv
from risk.solver.evaluate import Setting
from risk.solver.menu import BPS, Menu
from risk.solver.pairs import find_returns, pair_debt
from risk.solver.parameters import parameters_of
from risk.solver.returns import DAY_S, Returns, shipped_returns


def closed_form_seeds(setting: Setting) -> tuple[IntArray, ...]:
    """Return the choice that SmartLTV asks for, (R,); none where liquidity is unknown.

    Parameters
    ----------
    setting : Setting
    """
    if setting.depth is None:
        return ()
    try:
        asked = smart_thresholds(setting.snapshot, setting.menu, setting.depth)
    except InputError:  # some collateral has no depth: the formula has no value there
        return ()
    return (nearest(setting.menu, asked),)


def thresholds_of(menu: Menu, row: int, box_bps: int = BPS) -> IntArray:
    """Return a row's options within a box, bonus as in force and no rule broken, thresholds ascending."""
    own = np.arange(menu.first[row], menu.first[row + 1])
    now = menu.options[int(menu.current[row])].parameters
    fit = [
        k
        for k in own.tolist()
        if menu.options[k].parameters.bonus_bps == now.bonus_bps
        and abs(menu.options[k].parameters.threshold_bps - now.threshold_bps) <= box_bps
        and (k == menu.current[row] or not menu.options[k].broken)
    ]
    return np.array(sorted(fit, key=lambda k: menu.options[k].parameters.threshold_bps), dtype=np.int64)


def smart_thresholds(
    snapshot: Snapshot, menu: Menu, depth: Depth, *, confidence: float = 3.0, table: Returns | None = None
) -> FloatArray:
    """Return SmartLTV of every row as a threshold, (R,); NaN where no pair of it has returns.

    Volatility is that of a day, liquidity what can be sold within the bonus, taken to come back within
    a day; debt is what the collateral backs of one asset.

    Raises
    ------
    InputError
        If a collateral that backs debt has no depth: infinite liquidity says nothing.
    """
    known, tree = table if table is not None else shipped_returns(), tree_of(snapshot)
    place = {(row.is_emode, row.place): r for r, row in enumerate(menu.rows) if row.kind is Kind.COLLATERAL}
    out = np.full(len(menu.rows), np.nan)
    pairs = pair_debt(snapshot)
    columns = [pairs[name].tolist() for name in ("collateral", "emode", "debt", "debt_usd")]
    for i, m, j, debt_usd in zip(*columns, strict=True):
        row = place.get((m > 0, m - 1 if m else i))
        found = find_returns(tree, known, i, j, DAY_S, "minimum")
        if row is None or found is None:
            continue
        bonus = parameters_of(snapshot, i, m).bonus
        liquidity = depth.size_within(i, bonus) * float(snapshot.price_usd[i])
        if not 0 < liquidity < np.inf:
            raise InputError(
                f"{snapshot.asset_names[i]} can be sold for {liquidity:g} USD within its bonus: "
                "SmartLTV needs a depth.",
                remedy="Give a depth of every collateral that backs debt.",
            )
        sigma = found.returns.sigma * np.sqrt(DAY_YEARS)
        asked = smart_ltv(confidence, sigma, debt_usd, liquidity, bonus)
        out[row] = np.nanmin([out[row], asked])
    return out


def nearest(menu: Menu, threshold: FloatArray) -> IntArray:
    """Return each row's highest option at or below a threshold, its lowest if there is none, (R,).

    A row without a threshold (NaN) stays.
    """
    out = menu.current.copy()
    for r, wanted in enumerate(threshold.tolist()):
        if np.isnan(wanted):
            continue
        own = thresholds_of(menu, r)
        at = np.array([menu.options[k].parameters.threshold_bps for k in own.tolist()])
        below = np.flatnonzero(at <= np.floor(wanted * BPS))
        out[r] = own[below[-1] if len(below) else 0]
    return out
