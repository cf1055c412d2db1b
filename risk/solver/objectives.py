"""Objectives: what an option adds to each, and what a choice is worth.

*Borrowing power* is ``sum LTV_r supplied_r``, USD; caps have no part in it, so that they move only as far
as a limit demands.  *Borrowing power with headroom* adds what a supply cap leaves room for, at the use made
of the cap today and the LTV in force: ``sum_i u_i LTV_i0 (cap_i - supplied_i) price_i`` over the caps that
may move, ``u_i = min(1, supplied_i / cap_i0)``.  *Least change* counts the basis points moved, negative; a
percent of a cap counts as one.  *Revenue* is an estimate: what borrowers owe against a row follows its LTV
at the use they make of it today, and the treasury keeps the reserve factor's share of interest at today's
rates::

    sum_r LTV_r / LTV_r0  sum_j rate_j RF_j D_rj          USD a year

with ``D_rj`` the debt in asset j that stands behind row r: an account's debts, by the row's share in its
threshold-weighted collateral.  *Penalised harm* is ``borrowing power - w_a E[avoidable loss] -
w_b E[potential bad debt]``, the expectation taken over scenarios and, each alike, over the borrowers'
behaviours.  All but the last add up over rows exactly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abis.errors import InputError
from risk.engine.arrays import FloatArray, IntArray
from risk.solver.cap_fill import headroom_usd, modes_of
from risk.solver.cap_options import Kind
from risk.solver.evaluate import Setting, together
from risk.solver.limits import Limits, Objective
from risk.solver.losses import Losses
from risk.solver.menu import BPS, accounts_of
from risk.solver.parameters import parameters_of

RAY = 10**27


def gains(setting: Setting, objective: Objective, losses: Sequence[Losses] = ()) -> FloatArray:
    """Return what each option adds in the additive model, (M + 1,); the last is there whatever is chosen.

    Parameters
    ----------
    setting : Setting
    objective : Objective
    losses : sequence of Losses
        Of every behaviour; only penalised harm reads them.

    Raises
    ------
    InputError
        If revenue is asked for and nothing in the market earns any.
    """
    if objective is Objective.LEAST_CHANGE:
        return np.append(-_moved(setting), 0.0)
    if objective is Objective.REVENUE:
        return np.append(_revenue(setting), 0.0)
    power = np.append(_ltv(setting) * setting.supplied_usd[setting.menu.row], 0.0)
    if objective is Objective.BORROW_POWER:
        return power
    if objective is Objective.BORROW_POWER_WITH_HEADROOM:
        return np.asarray(power + np.append(_headroom(setting), 0.0))
    for part in losses:
        for weight, measure in _weights(setting.limits):
            power = power - weight / len(losses) * mean_loss(part, measure, setting.scenarios.weight)
    return power


def mean_loss(losses: Losses, measure: str, weight: FloatArray) -> FloatArray:
    """Return the expected loss each option adds, (M + 1,) USD; the last is that as things are."""
    swept = losses.swept
    return np.append(
        _mean(getattr(swept.change, measure), weight), _mean(getattr(swept.now, measure), weight)
    )


def value(setting: Setting, objective: Objective, chosen: IntArray) -> float:
    """Return what a choice is worth, all rows changed together."""
    if objective is not Objective.PENALISED_HARM:
        return float(gains(setting, objective)[chosen].sum())
    worth = float(gains(setting, Objective.BORROW_POWER)[chosen].sum())
    for relever in setting.limits.relever:
        swept = together(setting, chosen, relever)
        for weight, measure in _weights(setting.limits):
            mean = float(_mean(getattr(swept, measure), setting.scenarios.weight))
            worth -= weight / len(setting.limits.relever) * mean
    return worth


def _weights(limits: Limits) -> tuple[tuple[float, str], ...]:
    return (
        (limits["objective.avoidable_weight"], "avoidable_usd"),
        (limits["objective.bad_debt_weight"], "bad_debt_usd"),
    )


def _mean(loss: FloatArray, weight: FloatArray) -> FloatArray:
    return np.asarray(loss @ (weight / weight.sum()))


def _ltv(setting: Setting) -> FloatArray:
    return np.array([o.parameters.ltv_bps for o in setting.menu.options]) / BPS


def _moved(setting: Setting) -> FloatArray:
    menu = setting.menu
    numbers = np.array(
        [(o.parameters.ltv_bps, o.parameters.threshold_bps, o.parameters.bonus_bps) for o in menu.options]
    )
    moved = np.abs(numbers - numbers[menu.current][menu.row]).sum(axis=1)
    cap = np.array([float(o.cap_tokens) for o in menu.options])
    now = cap[menu.current][menu.row]
    return np.asarray(moved + 100 * np.divide(np.abs(cap - now), now, out=np.zeros_like(now), where=now > 0))


def _headroom(setting: Setting) -> FloatArray:
    """Return the borrowing power of what each supply cap leaves room for, (M,) USD; 0 for other rows."""
    snapshot, menu = setting.snapshot, setting.menu
    out = np.zeros(len(menu.options))
    for k, row in enumerate(menu.rows):
        if row.kind is not Kind.SUPPLY_CAP:
            continue
        reserve, now = snapshot.reserves[row.place], row.options[row.current].cap_tokens
        used = min(1.0, reserve.total_supply_raw / (now * 10**reserve.decimals))
        modes = modes_of(snapshot, row.place)
        ltv_bps = reserve.ltv_bps or max(parameters_of(snapshot, row.place, m).ltv_bps for m in modes)
        room = [headroom_usd(snapshot, row.place, o.cap_tokens) for o in row.options]
        out[menu.first[k] : menu.first[k + 1]] = used * ltv_bps / BPS * np.array(room)
    return out


def _revenue(setting: Setting) -> FloatArray:
    """Return the treasury's interest a year behind each option's row, (M,) USD."""
    menu, ltv = setting.menu, _ltv(setting)
    now = ltv[menu.current][menu.row]
    follow = np.divide(ltv, now, out=np.ones_like(ltv), where=now > 0)
    per_usd = np.array(
        [r.variable_borrow_rate_ray / RAY * r.reserve_factor_bps / BPS for r in setting.snapshot.reserves]
    )
    earned = debt_behind(setting) @ per_usd
    if not earned.any():
        raise InputError(
            "no debt of this market pays interest to its treasury: revenue is no objective here.",
            remedy="Choose another solver.objective.",
        )
    return np.asarray(earned[menu.row] * follow)


def debt_behind(setting: Setting) -> FloatArray:
    """Return the debt of every asset that stands behind every row, (R, A) USD.

    An account's debts are shared out by threshold-weighted collateral; what stands behind none of
    the rows is left out.
    """
    accounts, menu = accounts_of(setting.snapshot, setting.menu), setting.menu
    threshold = np.array([menu.options[k].parameters.threshold_bps for k in menu.current.tolist()])
    governed = accounts.c_row >= 0
    owner = np.repeat(np.arange(len(accounts)), np.diff(accounts.c_indptr))
    weighted = np.where(governed, threshold[np.where(governed, accounts.c_row, 0)] * accounts.c_usd, 0.0)
    total = np.bincount(owner, weighted, minlength=len(accounts))
    share = np.zeros((len(accounts), len(menu.rows)))
    np.add.at(share, (owner[governed], accounts.c_row[governed]), weighted[governed])
    share = np.divide(share, total[:, None], out=np.zeros_like(share), where=total[:, None] > 0)
    debt = np.zeros((len(accounts), len(setting.snapshot.reserves)))
    np.add.at(
        debt,
        (np.repeat(np.arange(len(accounts)), np.diff(accounts.d_indptr)), accounts.d_asset),
        accounts.d_usd,
    )
    return np.asarray(share.T @ debt)
