"""Whole paths in one kernel: an account is looked at only where prices may touch it.

`risk.engine.advance` takes a block of scenarios from moment to moment and looks at the whole book in
each.  Where liquidations do not move prices (no feedback) and balances stand still (no interest), a
scenario can be followed to its end at once, and `risk.engine.safety` says for every account when it
has to be looked at next.  At each moment the accounts due are classified and called by the same
functions in the same order as there; all others would have added nothing.  So both give the same
outcome, bit for bit (law ENG-13).

Where only integers can say whether an account is liquidatable, a scenario stops; the exact rules decide
for all that stopped, and they go on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from risk.engine.advance import Engine, start
from risk.engine.arrays import FloatArray, IntArray, Records
from risk.engine.classify import missed_usd, status_of
from risk.engine.closing import close_one
from risk.engine.decide import decisions, nothing_decided
from risk.engine.events import EventLog, log_for, no_log
from risk.engine.jit import kernel, leaf, over_scenarios
from risk.engine.liquidate import Decided, liquidate_one
from risk.engine.model import DOWN, Model, Moment, prices_of
from risk.engine.prices import Along
from risk.engine.refill import still_missing
from risk.engine.safety import Extremes, Weights, fill_extremes, next_touch, room_for_extremes, weights_of
from risk.engine.scratch import Scratch, scratch_for, sort_by_key
from risk.engine.state import BELOW, CALLED, NOT_SURE, State
from risk.engine.view import balances, look_at

NOBODY = -1


class Clock(NamedTuple):
    """The moments of a path, the same in all scenarios.

    ``time_s``, ``hours`` and ``gate`` (T,) as in `risk.engine.model.Moment`; ``blocks_made`` (T + 1,)
    how many moments before had blocks; ``kept`` (T, A) the part of what sales used up of the depth
    that is still missing after the time since the moment before, (0, A) where nothing refills.
    """

    time_s: FloatArray
    hours: FloatArray
    gate: IntArray
    blocks_made: IntArray
    kept: FloatArray


class Diary(NamedTuple):
    """Who is due when, per scenario.

    ``moment`` (S,) where the scenario has come to, -1 before it starts; ``classified`` (S,) whether
    it stopped there for decisions; ``head`` (S, T) the first account due at a moment and ``after`` (S, N)
    the next one due at the same moment, or `NOBODY`.
    """

    moment: IntArray
    classified: NDArray[np.bool_]
    head: NDArray[np.int32]
    after: NDArray[np.int32]


def follow(engine: Engine, along: Along, *, events: bool = False) -> tuple[State, list[EventLog]]:
    """Return the state after the paths of a block, books closed, as `risk.engine.advance.run` does.

    Parameters
    ----------
    engine : Engine
        Without interest.
    along : Along
        Prices no liquidation moves.
    events : bool
        Log every call; costs a second pass.

    Returns
    -------
    State, list of EventLog
        One log where events are asked for: per scenario in order of time.
    """
    n = len(along.market_usd)
    rows = price_rows(engine, along)
    weights, clock = weights_of(engine.model), clock_of(engine.model, along)
    state = _followed(engine, along, rows, weights, clock, no_log(n))
    if not events:
        return state, []
    log = log_for(state.scenario["calls"])
    del state
    return _followed(engine, along, rows, weights, clock, log), [log]


def price_rows(engine: Engine, along: Along) -> Records:
    """Return the prices of a block as the kernel reads them, (S, T, Q) `PRICE`."""
    s, t, a = along.market_usd.shape
    raw, market, fair = (
        part.reshape(s * t, a) for part in (along.oracle_raw, along.market_usd, along.fair_usd)
    )
    rows = prices_of(engine.snapshot, engine.model, raw, market, fair, 0.0, 0.0).rows
    return rows.reshape(s, t, rows.shape[1])


def clock_of(model: Model, along: Along) -> Clock:
    """Return the moments of a block of paths."""
    half_life_s, time_s = model.reserve["half_life_s"], along.time_s
    kept = np.zeros((0, len(half_life_s)))
    if not np.isinf(half_life_s).all():
        waited_s = np.diff(time_s, prepend=0.0)[:, None]
        kept = still_missing(waited_s, np.where(waited_s > 0.0, half_life_s, 1.0))
    made = np.concatenate([[0], np.cumsum(along.gates != DOWN)]).astype(np.int64)
    return Clock(time_s, along.hours, along.gates, made, kept)


def _followed(
    engine: Engine, along: Along, rows: Records, weights: Weights, clock: Clock, log: EventLog
) -> State:
    n, times, quotes = rows.shape
    state, model = start(engine, n), engine.model
    diary = Diary(
        np.full(n, -1, dtype=np.int64),
        np.zeros(n, dtype=np.bool_),
        np.full((n, times), NOBODY, dtype=np.int32),
        np.empty((n, len(model.account)), dtype=np.int32),  # not touched where nobody is due
    )
    extremes, decided = room_for_extremes(n, times, quotes), nothing_decided(n)
    while True:
        open_ = np.concatenate(
            over_scenarios(follow_some, n, rows, clock, weights, extremes, model, state, diary, decided, log)
        )
        if not len(open_):
            state.scenario["at_s"] = along.time_s[-1]
            return state
        s, u = open_.T
        raw = along.oracle_raw[s, diary.moment[s]]
        decided = decisions(engine.snapshot, s, u, raw, state)


@kernel
def follow_some(
    first: int,
    last: int,
    rows: Records,
    clock: Clock,
    weights: Weights,
    extremes: Extremes,
    model: Model,
    state: State,
    diary: Diary,
    decided: Decided,
    log: EventLog,
) -> IntArray:
    """Follow scenarios ``first`` .. ``last - 1`` to their ends, or to accounts to be decided, (K, 2)."""
    open_, used = np.empty((16, 2), dtype=np.int64), 0
    scratch = scratch_for(model)
    due_room = np.empty(len(model.account), dtype=np.int64)
    for s in range(first, last):
        if diary.moment[s] < 0:
            fill_extremes(s, rows, model, extremes)
            enter_all(s, weights, extremes, model, diary)
        n = follow_one(
            s, rows, clock, weights, extremes, model, state, diary, decided, log, due_room, scratch
        )
        for k in range(n):
            u = due_room[k]
            if is_open(s, u, state):
                if used == len(open_):
                    open_ = np.concatenate((open_, open_))
                open_[used, 0], open_[used, 1] = s, u
                used += 1
    return open_[:used]


@leaf
def enter_all(s: int, weights: Weights, extremes: Extremes, model: Model, diary: Diary) -> None:
    """Enter every account at the first moment that may touch it."""
    times, low, high = diary.head.shape[1], extremes.low[s], extremes.high[s]
    for u in range(len(weights.slack)):
        t = next_touch(u, 0, times, low, high, extremes.first, model.c_amount, model.d_amount, weights)
        if t < times:
            diary.after[s, u], diary.head[s, t] = diary.head[s, t], u
    diary.moment[s] = 0


@leaf
def due_at(s: int, t: int, diary: Diary, due: IntArray, scratch: Scratch) -> int:
    """Write the accounts due at a moment to ``due``, increasing; return how many."""
    n, u = 0, diary.head[s, t]
    while u != NOBODY:
        due[n], scratch.key[n] = u, u
        n, u = n + 1, diary.after[s, u]
    sort_by_key(due, scratch, n)
    return n


@leaf
def is_open(s: int, u: int, state: State) -> bool:
    """Return whether only integers can say what an account's status is."""
    return bool(state.status[s, u] & NOT_SURE != 0 and state.flags[s, u] & CALLED == 0)


@leaf
def classify_due(
    s: int, due: IntArray, moment: Moment, weights: Weights, model: Model, state: State, legs: Records
) -> bool:
    """Set the status of the accounts due, add their under-liquidation; return whether any `is_open`."""
    owed, any_open = 0.0, False
    for k in range(len(due)):
        u = due[k]
        state.status[s, u] = 0
        oracle_safe, fair_safe = is_safe_now(u, s, moment, weights, model, state)
        if not oracle_safe:
            health = look_at(u, s, moment, model, state, legs)
            state.status[s, u] = status_of(model.account[u], health, model, legs)
            any_open = any_open or is_open(s, u, state)
        if not fair_safe and state.status[s, u] & BELOW == 0:
            owed += missed_usd(u, s, moment, model, state)
    state.scenario[s].under_liquidation_usd_hours += owed * moment.hours
    return any_open


@leaf
def is_safe_now(
    u: int, s: int, moment: Moment, weights: Weights, model: Model, state: State
) -> tuple[bool, bool]:
    """Return whether an account is surely healthy at oracle, and at fair prices."""
    c_amount, d_amount = balances(u, s, model, state)
    oracle, fair = -weights.slack[u], -weights.slack[u]
    for c in range(weights.c_ptr[u], weights.c_ptr[u + 1]):
        part, price = c_amount[c] * weights.c_weight[c], moment.price[weights.c_quote[c]]
        oracle, fair = oracle + part * price.oracle, fair + part * (price.fair_usd / model.usd_per_base)
    debt = fair_debt = 0.0
    for d in range(weights.d_ptr[u], weights.d_ptr[u + 1]):
        part, price = d_amount[d] * weights.d_weight[d], moment.price[weights.d_quote[d]]
        debt, fair_debt = debt + part * price.oracle, fair_debt + part * (price.fair_usd / model.usd_per_base)
    return oracle >= debt, fair >= fair_debt


@leaf
def refill_one(s: int, t: int, clock: Clock, model: Model, state: State) -> None:
    """Let depth refill up to moment ``t``, as `risk.engine.refill` does."""
    for a in range(clock.kept.shape[1]):
        own = state.asset[s, a]
        lasting = model.reserve[a].lasting_share * own.pressed_tokens
        own.pressure_tokens = lasting + (own.pressure_tokens - lasting) * clock.kept[t, a]


@leaf
def enter_again(
    s: int,
    t: int,
    due: IntArray,
    clock: Clock,
    weights: Weights,
    extremes: Extremes,
    model: Model,
    state: State,
    diary: Diary,
) -> None:
    """Enter the accounts that were due at moment ``t`` where prices may touch them next."""
    times, low, high = diary.head.shape[1], extremes.low[s], extremes.high[s]
    for k in range(len(due)):
        u = due[k]
        c_amount, d_amount = balances(u, s, model, state)
        then = next_touch(u, t + 1, times, low, high, extremes.first, c_amount, d_amount, weights)
        if then < times:
            diary.after[s, u], diary.head[s, then] = diary.head[s, then], u
        if then > t + 1:  # healthy in between
            state.status[s, u] = 0
            if model.costs.latency_s > 0.0 and clock.blocks_made[then] > clock.blocks_made[t + 1]:
                state.waiting_since_s[s, u] = np.inf


@leaf
def follow_one(
    s: int,
    rows: Records,
    clock: Clock,
    weights: Weights,
    extremes: Extremes,
    model: Model,
    state: State,
    diary: Diary,
    decided: Decided,
    log: EventLog,
    due_room: IntArray,
    scratch: Scratch,
) -> int:
    """Follow one scenario from where it is.

    Returns how many accounts, in ``due_room``, are due where it stops for decisions; 0 at the end.
    """
    times = len(clock.time_s)
    for t in range(diary.moment[s], times):
        resumed = diary.classified[s]
        diary.classified[s] = False
        if not resumed and len(clock.kept) > 0:
            refill_one(s, t, clock, model, state)
        if diary.head[s, t] == NOBODY and t < times - 1:
            continue
        n = due_at(s, t, diary, due_room, scratch)
        due = due_room[:n]
        moment = Moment(rows[s, t], clock.time_s[t], clock.hours[t], clock.gate[t])
        if not resumed and classify_due(s, due, moment, weights, model, state, scratch.legs):
            diary.moment[s], diary.classified[s] = t, True
            return n
        row = log.ptr[s] + state.scenario[s].calls
        liquidate_one(s, due, moment, model, state, decided, log, row, scratch)
        if t < times - 1:
            enter_again(s, t, due, clock, weights, extremes, model, state, diary)
            continue
        n = to_close(s, n, due_room, state, scratch)
        close_one(s, due_room[:n], moment, model, state, scratch)
    diary.moment[s] = times
    return 0


@leaf
def to_close(s: int, n: int, due: IntArray, state: State, scratch: Scratch) -> int:
    """Add the accounts that were called to the ``n`` due at the end, increasing; return how many."""
    first, k = n, 0
    for u in range(state.flags.shape[1]):
        if k < first and due[k] == u:
            k += 1
        elif state.flags[s, u] & CALLED:
            due[n] = u
            n += 1
    for k in range(n):
        scratch.key[k] = due[k]
    sort_by_key(due, scratch, n)
    return n
