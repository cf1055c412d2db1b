"""`Limits`: what a team tolerates, as `limits.toml`; one table states every key, its default and bounds."""

from __future__ import annotations

import math
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from abis.errors import InputError

INF = math.inf


class Objective(StrEnum):
    """What the solver looks for among all choices within the limits."""

    BORROW_POWER = "borrow_power"  # most USD that may be borrowed against what is supplied
    BORROW_POWER_WITH_HEADROOM = "borrow_power_with_headroom"  # and what supply caps leave room for
    LEAST_CHANGE = "least_change"  # fewest basis points of LTV, threshold and bonus moved
    REVENUE = "revenue"  # most interest a year for the treasury, an estimate
    PENALISED_HARM = "penalised_harm"  # borrowing power less weighted expected losses


@dataclass(frozen=True, slots=True)
class Key:
    """One number of `limits.toml`.

    ``default`` stands where the file is silent; the value must lie in ``[low, high]``.
    """

    default: float
    low: float
    high: float
    says: str


# Section -> key, once for every reserve, collateral or category that is named.
NAMED: Mapping[str, Mapping[str, Key]] = {
    "bad_debt.per_reserve": {
        "cvar_usd": Key(INF, 0, INF, "bad debt in this debt beyond its cover, CVaR, USD"),
        "cover_usd": Key(0.0, 0, INF, "what pays for bad debt in it, and in no other, USD"),
    },
    "avoidable_loss.per_collateral": {
        "cvar_usd": Key(INF, 0, INF, "avoidable loss on this collateral, CVaR, USD"),
    },
    "avoidable_loss.per_emode": {
        "cvar_usd": Key(INF, 0, INF, "avoidable loss of accounts in this category, CVaR, USD"),
    },
}
EXAMPLE = {
    "bad_debt.per_reserve": "USDC",
    "avoidable_loss.per_collateral": "WETH",
    "avoidable_loss.per_emode": "1",
}

# section -> name -> key; the template and the reader are both made from this.
KEYS: Mapping[str, Mapping[str, Key]] = {
    "tail": {"level": Key(0.99, 0.0, 0.99999, "of every CVaR below: 0.99 is the worst 1 % of scenarios")},
    "bad_debt": {
        "cvar_usd": Key(INF, 0, INF, "bad debt of the whole market before any cover, CVaR, USD"),
        "size_usd": Key(INF, 0, INF, "size that bad debt may exceed with the probability below only, USD"),
        "probability": Key(1.0, 0, 1, "at most, that it does"),
    },
    "avoidable_loss": {
        "cvar_usd": Key(INF, 0, INF, "what borrowers lose beyond what restoring health costs, CVaR, USD"),
        "size_usd": Key(INF, 0, INF, "size that it may exceed with the probability below only, USD"),
        "probability": Key(1.0, 0, 1, "at most, that it does"),
        "per_account_usd": Key(INF, 0, INF, "avoidable loss of whoever loses most, CVaR, USD"),
    },
    "under_liquidation": {
        "usd_hours": Key(
            INF, 0, INF, "debt insolvent at fair but healthy at oracle prices, CVaR, USD x hours"
        ),
        "unprofitable_usd": Key(INF, 0, INF, "debt left at the end since no call on it pays, CVaR, USD"),
    },
    "liquidations": {
        "cvar_usd": Key(INF, 0, INF, "debt of all accounts liquidated, CVaR, USD"),
        "quantile_usd": Key(INF, 0, INF, "the same, quantile at the level (liquidations at risk), USD"),
    },
    "enactment": {
        "usd": Key(INF, 0, INF, "debt of accounts the change itself makes liquidatable, USD"),
        "debt_bps": Key(INF, 0, INF, "the same as a share of all debt, bps"),
        "dust_usd": Key(100.0, 0, INF, "accounts that owe less than this do not count there"),
    },
    "new_position": {
        "probability": Key(1.0, 0, 1, "that an account opened at maximal LTV is liquidated in the horizon"),
        "horizon_days": Key(7, 1, 30, "1, 7 or 30"),
    },
    "cap_fill": {
        "usd": Key(INF, 0, INF, "loss if one supply cap is filled with worthless collateral, USD"),
        "per_issuer_usd": Key(INF, 0, INF, "the same, of all tokens that follow one coin at once, USD"),
    },
    "sanity": {
        "related_excess_bps": Key(
            INF, 0, INF, "how far LTV and threshold of a token may exceed those of what it follows, bps"
        ),
    },
    "toxicity": {
        "max_threshold_times_bonus": Key(
            1.0, 0.5, 1, "LT (1 + bonus); above 0.95 half of all calls lower the health factor"
        ),
        "cvar_usd": Key(INF, 0, INF, "debt repaid by calls that lower the health factor, CVaR, USD"),
    },
    "participation": {
        "cost_bps": Key(0.0, 0, 5_000, "what selling costs beside gas: pool fee, oracle gap, and slippage"),
        "gas_usd": Key(20.0, 0, INF, "gas of one call, USD"),
        "call_usd": Key(10_000.0, 1, INF, "debt repaid by the smallest call that must still pay, USD"),
        "flow_level": Key(
            0,
            0,
            0.99999,
            "quantile of what is sold at once that calls must still pay at; 0: not asked; --depth",
        ),
        "cap_level": Key(
            0, 0, 0.99999, "the same, supplies grown to their caps, per shared sink; 0: not asked; --depth"
        ),
    },
    "calls": {
        "delay_s": Key(0, 0, 604_800, "between an account's trigger and the sale, s"),
        "close_factor": Key(0.5, 0.01, 1, "share of the debt one call may repay above health factor 0.95"),
        "reference_cost_bps": Key(50, 0, 5_000, "what a sale had to cost; see the harm ledger"),
    },
    "box": {
        "threshold_bps": Key(300, 0, 10_000, "how far a threshold may move either way, bps"),
        "threshold_step_bps": Key(50, 1, 10_000, "distance of the candidates, bps"),
        "ltv_bps": Key(500, 0, 10_000, "how far an LTV may move either way, bps"),
        "bonus_bps": Key(0, 0, 5_000, "how far a bonus may move either way, bps"),
        "bonus_step_bps": Key(50, 1, 5_000, "distance of the candidates, bps"),
        "ltv_step_bps": Key(
            0, 0, 10_000, "distance of LTVs, bps; 0: as high as its threshold lets it be, not searched"
        ),
        "supply_cap_pct": Key(0, 0, 1_000, "how far a supply cap may move either way, percent of itself"),
        "supply_cap_step_pct": Key(10, 0.1, 1_000, "distance of the candidates, percent"),
        "borrow_cap_pct": Key(0, 0, 1_000, "how far a borrow cap may move either way, percent of itself"),
        "borrow_cap_step_pct": Key(10, 0.1, 1_000, "distance of the candidates, percent"),
    },
    "objective": {
        "tolerance": Key(
            0.0,
            0,
            1,
            "share of an objective that may be given up for the one named after it in solver.objective",
        ),
        "avoidable_weight": Key(1.0, 0, 1e6, "borrowing power a USD of expected avoidable loss costs, USD"),
        "bad_debt_weight": Key(
            1.0, 0, INF, "borrowing power a USD of expected potential bad debt costs, USD"
        ),
    },
    "procyclicality": {
        "stressed_weight": Key(
            0,
            0,
            1,
            "share of stressed draws in every regime, 0 or at least 0.25; solve --regimes",
        ),
        "floor_lookback_days": Key(
            0, 0, 36_500, "no haircut below what history of so many days asks for; 0: no floor"
        ),
        "release_buffer": Key(0, 0, 1, "share by which calm haircuts are raised, to be used up in stress"),
        "release_bps_per_day": Key(INF, 0.01, INF, "how far a published haircut may move a day, bps"),
        "hold_days": Key(7, 1, 365, "days without a stricter regime before a milder one is entered"),
        "support_usd": Key(0, 0, INF, "price of ETH below which it is out of its usual range; 0: none"),
        "thresholds_move": Key(0, 0, 1, "1: thresholds and bonuses are chosen by regime too; 0: LTVs only"),
    },
    "plan": {
        "notice_days": Key(0, 0, 365, "between the plan and the first step that lowers a threshold"),
    },
}


# How far what may move -> the distance of its candidates.
BOXES = {
    "box.threshold_bps": "box.threshold_step_bps",
    "box.ltv_bps": "box.ltv_step_bps",
    "box.bonus_bps": "box.bonus_step_bps",
    "box.supply_cap_pct": "box.supply_cap_step_pct",
    "box.borrow_cap_pct": "box.borrow_cap_step_pct",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is tolerated.

    Parameters
    ----------
    numbers : mapping of "section.name" to float
        Every key of `KEYS`, and those of `NAMED` that were given, ``bad_debt.per_reserve.USDC.cvar_usd``.
    objectives : tuple of Objective
        The first decides; each further one chooses among what the ones before it leave.
    relever : tuple of float
        Borrowers' behaviours the result must hold for: 0 leaves debts as they are, 1 borrows up with
        every rise of LTV.
    keep : tuple of str
        Subjects whose parameters stay: asset names, ``emode:`` and id.
    migration : bool
        Whether the limits must hold too where every account moves to the category that lends it most.
    pins : mapping of str to str
        Parameters that get one value, as a proposal writes them: ``WETH.ltv`` to ``80%``.
    """

    numbers: Mapping[str, float]
    objectives: tuple[Objective, ...] = (Objective.BORROW_POWER,)
    relever: tuple[float, ...] = (0.0, 0.5, 1.0)
    keep: tuple[str, ...] = field(default=())
    migration: bool = False
    pins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def named(self, section: str) -> tuple[str, ...]:
        """Return the reserves, collaterals or categories a section of `NAMED` speaks of."""
        first = next(iter(NAMED[section]))
        start, end = f"{section}.", f".{first}"
        return tuple(
            k[len(start) : -len(end)] for k in self.numbers if k.startswith(start) and k.endswith(end)
        )

    @property
    def objective(self) -> Objective:
        """Return the objective that decides first."""
        return self.objectives[0]

    def __getitem__(self, name: str) -> float:
        """Return a number by ``section.name``."""
        return self.numbers[name]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values; an absent bound is None."""
        numbers = {k: (None if math.isinf(v) else v) for k, v in self.numbers.items()}
        rest = {
            "objective": [o.value for o in self.objectives],
            "relever": list(self.relever),
            "keep": list(self.keep),
            "migration": self.migration,
            "pin": dict(self.pins),
        }
        return numbers | rest


def read_limits(text: str) -> Limits:
    """Read `limits.toml`.

    Raises
    ------
    InputError
        If it is no TOML, or a section, key or value is unknown or out of range.
    """
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is no TOMLDecodeError
        raise InputError(
            f"the limits are no TOML: {error}.", remedy="Compare `breakwater limits init`."
        ) from error
    solver = _table("solver", tables.pop("solver", {}))
    pins = _pins(_table("pin", tables.pop("pin", {})))
    _known("section", tables, KEYS)
    numbers: dict[str, float] = {}
    for section, keys in KEYS.items():
        given = dict(_table(section, tables.get(section, {})))
        inner = {n: given.pop(n.rpartition(".")[2], {}) for n in NAMED if n.partition(".")[0] == section}
        tables_inside = [n.rpartition(".")[2] for n in inner]
        _known(f"key in [{section}]", given, [*keys, *tables_inside])
        for name, key in keys.items():
            numbers[f"{section}.{name}"] = _number(f"{section}.{name}", given.get(name, key.default), key)
        for name, table in inner.items():
            numbers |= _named(name, _table(name, table))
    _consistent(numbers)
    return Limits(MappingProxyType(numbers), pins=MappingProxyType(pins), **_solver(solver))


def load_limits(path: Path | str) -> Limits:
    """Read a file; as `read_limits`."""
    try:
        return read_limits(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or error) if isinstance(error, OSError) else "it is no text"
        raise InputError(
            f"'{path}' cannot be read: {reason}.", remedy="Name a file that `breakwater limits init` wrote."
        ) from error


def _named(section: str, given: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of every table of a section, by full name."""
    numbers: dict[str, float] = {}
    for name, table in given.items():
        where = f"{section}.{name}"
        _known(f"key in [{where}]", _table(where, table), NAMED[section])
        for leaf, key in NAMED[section].items():
            numbers[f"{where}.{leaf}"] = _number(f"{where}.{leaf}", table.get(leaf, key.default), key)
        first = next(iter(NAMED[section]))
        if math.isinf(numbers[f"{where}.{first}"]):
            raise InputError(f"[{where}] limits nothing.", remedy=f"Give {first}, or leave the table out.")
    return numbers


def _consistent(numbers: Mapping[str, float]) -> None:
    """Refuse limits that say half of something, or that deny each other."""
    if numbers["new_position.horizon_days"] not in (1, 7, 30):
        raise InputError(
            f"new_position.horizon_days is {numbers['new_position.horizon_days']:g}.",
            remedy="Give 1, 7 or 30.",
        )
    for section in ("bad_debt", "avoidable_loss"):
        sized = math.isfinite(numbers[f"{section}.size_usd"])
        likely = numbers[f"{section}.probability"] < 1
        if sized != likely:
            given, missing = ("size_usd", "probability") if sized else ("probability", "size_usd")
            raise InputError(f"{section}.{given} stands alone.", remedy=f"Give {section}.{missing} too.")
    _tempered(numbers)
    _consistent_box(numbers)
    if numbers["liquidations.quantile_usd"] > numbers["liquidations.cvar_usd"] and math.isfinite(
        numbers["liquidations.quantile_usd"]
    ):
        raise InputError(
            f"liquidations.quantile_usd, {numbers['liquidations.quantile_usd']:g}, is above cvar_usd, "
            f"{numbers['liquidations.cvar_usd']:g}: it can never bind.",
            remedy="A quantile is never above the CVaR of its level: lower it, or leave it out.",
        )


def _tempered(numbers: Mapping[str, float]) -> None:
    """Refuse rules against procyclicality that are none."""
    weight = numbers["procyclicality.stressed_weight"]
    if 0 < weight < 0.25:
        raise InputError(
            f"procyclicality.stressed_weight is {weight:g}.",
            remedy="Give at least 0.25 (Delegated Regulation (EU) 153/2013, article 28), or 0 for none.",
        )
    if weight == 1 and numbers["procyclicality.release_buffer"] > 0:
        raise InputError(
            "procyclicality.release_buffer has nothing to be used up for: every regime is stress already.",
            remedy="Lower stressed_weight below 1, or leave the buffer out.",
        )
    for name in ("floor_lookback_days", "hold_days", "thresholds_move"):
        value = numbers[f"procyclicality.{name}"]
        if value != int(value):
            raise InputError(f"procyclicality.{name} is {value:g}.", remedy="Give a whole number.")


def _consistent_box(numbers: Mapping[str, float]) -> None:
    """Refuse a box in parts of basis points, and one so small that no candidate but today's lies in it."""
    for name, value in numbers.items():
        if name.startswith("box.") and name.endswith("_bps") and value != int(value):
            raise InputError(f"{name} is {value:g}.", remedy="Parameters are whole basis points: give one.")
    for reach, own in BOXES.items():
        # Without a grid of their own LTVs are on that of the thresholds.
        step = own if numbers[own] else BOXES["box.threshold_bps"]
        if 0 < numbers[reach] < numbers[step]:
            raise InputError(
                f"{reach}, {numbers[reach]:g}, is below {step}, {numbers[step]:g}: nothing could move.",
                remedy=f"Raise {reach}, or lower {step}; 0 leaves it as it is.",
            )


def _pins(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the pinned values as text; what they mean depends on the market."""
    for name, value in given.items():
        if not isinstance(value, str) and not (isinstance(value, int) and not isinstance(value, bool)):
            raise InputError(
                f"pin {name!r} is {value!r}.",
                remedy='Write "WETH.liquidation_threshold" = 8300, in bps, or = "83%".',
            )
    # A number is in the unit of its parameter: whole tokens of a cap, else bps.
    return {
        name: value if isinstance(value, str) else f"{value}{'' if name.endswith('_cap') else 'bps'}"
        for name, value in given.items()
    }


def template() -> str:
    """Return a commented `limits.toml` in which nothing is limited yet."""
    lines = [
        "# Limits of `breakwater solve`. Every key is optional; what is commented out shows the default.",
        "",
        "[solver]",
        f'# objective = "{Objective.BORROW_POWER}"',
        f"#   one of {', '.join(Objective)}; or several, the first first, as a list",
        "# relever = [0.0, 0.5, 1.0]  # must hold for each: 0 debts stay, 1 borrowers follow the LTV up",
        '# keep = []  # subjects that stay as they are: "WETH", "emode:1"',
        "# migration = false  # must hold too where all accounts move to the e-mode that lends them most",
    ]
    for section, keys in KEYS.items():
        lines += ["", f"[{section}]", *_template_keys(keys)]
        for name in (n for n in NAMED if n.partition(".")[0] == section):
            lines += ["", f"#[{name}.{EXAMPLE[name]}]", *_template_keys(NAMED[name], "#")]
    lines += [
        "",
        "# A value for a parameter: bps, whole tokens of a cap, or as `breakwater propose --set` writes it.",
        "[pin]",
    ]
    lines += ['#"WETH.liquidation_threshold" = 8300', '#"emode:1.ltv" = "93%"']
    return "\n".join(lines) + "\n"


def _template_keys(keys: Mapping[str, Key], mark: str = "# ") -> list[str]:
    return [
        f"{mark}{name} = {'inf' if math.isinf(key.default) else f'{key.default:g}'}  # {key.says}"
        for name, key in keys.items()
    ]


def _solver(given: Mapping[str, Any]) -> dict[str, Any]:
    _known("key in [solver]", given, ("objective", "relever", "keep", "migration"))
    objectives = _objectives(given.get("objective", Objective.BORROW_POWER.value))
    relever = given.get("relever", [0.0, 0.5, 1.0])
    usable = isinstance(relever, list) and relever and all(_is_number(e) and 0 <= e <= 1 for e in relever)
    if not usable:
        raise InputError(f"solver.relever is {relever!r}.", remedy="Give numbers from 0 to 1, at least one.")
    keep = given.get("keep", [])
    if not (isinstance(keep, list) and all(isinstance(name, str) for name in keep)):
        raise InputError(f"solver.keep is {keep!r}.", remedy='Give names, such as ["WETH", "emode:1"].')
    migration = given.get("migration", False)
    if not isinstance(migration, bool):
        raise InputError(f"solver.migration is {migration!r}.", remedy="Give true or false.")
    return {
        "migration": migration,
        "objectives": objectives,
        "relever": tuple(sorted({float(e) for e in relever})),
        "keep": tuple(dict.fromkeys(keep)),
    }


def _objectives(given: Any) -> tuple[Objective, ...]:
    names = given if isinstance(given, list) else [given]
    known = {o.value for o in Objective}
    unique = all(isinstance(n, str) for n in names) and len(set(names)) == len(names)
    if not names or not unique or not set(names) <= known:
        raise InputError(
            f"solver.objective is {given!r}.",
            remedy=f"Give one or several, each once, of {', '.join(o.value for o in Objective)}.",
        )
    return tuple(Objective(n) for n in names)


def _table(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{name} is {value!r}.", remedy=f"Write a section [{name}].")
    return value


def _number(name: str, value: Any, key: Key) -> float:
    # Only what limits nothing at first may be endless; an endless cost or price is none.
    endless = _is_number(value) and math.isinf(value) and math.isfinite(key.default)
    if not _is_number(value) or endless or not key.low <= value <= key.high:
        to = f"from {key.low:g} to {key.high:g}" if math.isfinite(key.high) else f"of at least {key.low:g}"
        raise InputError(
            f"{name} is {repr(value)[:60]}.",
            remedy=f"Give a {'finite ' if endless else ''}number {to}: {key.says}.",
        )
    return float(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return isinstance(value, float) and not math.isnan(value)


def _known(what: str, given: Mapping[str, Any], known: Any) -> None:
    for name in given:
        if name not in known:
            near = get_close_matches(name, list(known), n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
            raise InputError(f"{name!r} is no {what} of the limits.", remedy=remedy)
