"""The proof beside a recommendation: certificates by generator, history, other histories, other inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from risk.engine.arrays import IntArray
from risk.scenarios.fhs import shipped_fhs
from risk.scenarios.scenarios import Scenarios
from risk.solver.certificate import RISK, Certificate, certify
from risk.solver.evaluate import Setting
from risk.solver.history_bounds import HistoryBounds, history_bounds
from risk.solver.identified import Identified, identified
from risk.solver.losses import Losses, losses_of
from risk.solver.outer import Outer, outer_bootstrap
from risk.solver.relaxation import single_row_losses

Report = Callable[[str, int, int], None]  # phase, done, total


@dataclass(frozen=True, slots=True)
class Asked:
    """Which proofs are wanted.

    Parameters
    ----------
    risk : float
        Of each generator's bounds together.
    tries : int
        How many samples were drawn for this choice, these included.
    outer : int
        Other histories; 0: none.
    outer_scenarios : int
        Draws of each.
    outer_seed : int
    sensitivity_attempts : int
        Of the search under each other input; 0: none.
    """

    risk: float = RISK
    tries: int = 1
    outer: int = 0
    outer_scenarios: int = 1_000
    outer_seed: int = 0
    sensitivity_attempts: int = 0


ASKED = Asked()


@dataclass(frozen=True, eq=False)
class Proof:
    """What is known of a choice beside that it keeps the limits on the scenarios it was made on.

    Parameters
    ----------
    certificates : mapping of str to Certificate
        By generator.
    history : HistoryBounds
        Of the shipped model.
    outer : Outer or None
    identified : Identified or None
    """

    history: HistoryBounds
    certificates: Mapping[str, Certificate] = field(default_factory=lambda: MappingProxyType({}))
    outer: Outer | None = None
    identified: Identified | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "certificates": {
                name: {
                    **asdict(c),
                    "holds": c.holds,
                    "bounds": [{**asdict(b), "holds": b.holds} for b in c.bounds],
                }
                for name, c in self.certificates.items()
            },
            "hinges": [asdict(h) for h in hinges(self.certificates)],
            "history": asdict(self.history),
            "outer": None if self.outer is None else _outer_json(self.outer),
            "identified": None if self.identified is None else asdict(self.identified),
        }


@dataclass(frozen=True, slots=True)
class Hinge:
    """Under which generators a limit is certified.

    Parameters
    ----------
    name : str
    relever : float
    holds, fails : tuple of str
        Generators.
    """

    name: str
    relever: float
    holds: tuple[str, ...]
    fails: tuple[str, ...]


def hinges(certificates: Mapping[str, Certificate]) -> tuple[Hinge, ...]:
    """Return for each limit and behaviour which generators certify it."""
    found: dict[tuple[str, float], tuple[list[str], list[str]]] = {}
    for generator, certificate in certificates.items():
        for bound in certificate.bounds:
            held, failed = found.setdefault((bound.name, bound.relever), ([], []))
            (held if bound.holds else failed).append(generator)
    return tuple(Hinge(*key, tuple(held), tuple(failed)) for key, (held, failed) in found.items())


def prove(
    setting: Setting,
    chosen: IntArray,
    samples: Mapping[str, Scenarios],
    asked: Asked,
    progress: Report,
    *,
    losses: Sequence[Losses] = (),
    single: Sequence[Losses] = (),
) -> Proof:
    """Return what is asked to be known of a choice.

    Parameters
    ----------
    setting : Setting
        With the scenarios the choice was made on.
    chosen : (R,) int64
    samples : mapping of str to Scenarios
        Independent draws by generator.
    asked : Asked
    progress : callable (phase, done, total)
    losses, single : sequence of Losses, optional
        As `identified` needs them; swept here if not given.

    Raises
    ------
    InputError
        If a sample cannot certify, or sensitivity is asked without a depth.
    """
    certificates = {}
    for done, (name, sample) in enumerate(samples.items(), 1):
        certificates[name] = certify(setting, chosen, sample, risk=asked.risk, tries=asked.tries)
        progress("certify", done, len(samples))
    other = None
    if asked.outer:
        other = outer_bootstrap(
            setting,
            chosen,
            count=asked.outer,
            scenarios=asked.outer_scenarios,
            seed=asked.outer_seed,
            progress=lambda done, n: progress("outer", done, n),
        )
    found = None
    if asked.sensitivity_attempts:
        found = identified(
            setting,
            chosen,
            losses or _swept(setting),
            single or single_row_losses(setting),
            attempts=asked.sensitivity_attempts,
            progress=lambda done, n: progress("sensitivity", done, n),
        )
    return Proof(history_bounds(shipped_fhs()), MappingProxyType(certificates), other, found)


def _swept(setting: Setting) -> tuple[Losses, ...]:
    return losses_of(
        setting.snapshot, setting.menu, setting.scenarios, setting.limits, oracles=setting.oracles
    )


def _outer_json(found: Outer) -> dict[str, Any]:
    """Return JSON-ready values; an absent limit is None."""
    body = asdict(found)
    for spread, of in zip(body["spreads"], found.spreads, strict=True):
        spread["limit_usd"] = None if math.isinf(of.limit_usd) else of.limit_usd
        spread["within"] = of.within
    return body
