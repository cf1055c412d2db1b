"""What was asked of the solver: the settings of its bundle, and what is made from them and from the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from risk.cli.scenario_options import scenarios_of

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.cli.proposal_request import Files
    from risk.scenarios.scenarios import Scenarios
    from risk.solver.proof import Asked

SOLVE = "solve"
FILE = "file"  # the generator that a file describes


@dataclass(frozen=True, slots=True)
class SolveRequest:
    """Everything asked that is no file and decides amounts or proof.

    Parameters
    ----------
    command : str
        ``solve``.
    draws, seed : int
        Of the shipped model, where no scenarios are named.
    shocks, grids : tuple of str
    certified : int
        Independent days of each generator; 0: none.
    generators : tuple of str
        Names of `risk.solver.generators`, or `FILE`.
    tries : int
        Which try to certify this is: its seed is that of the draws plus it.
    outer, outer_scenarios, sensitivity_attempts : int
        As `risk.solver.proof.Asked`.
    """

    command: str = SOLVE
    draws: int = 1_000
    seed: int = 1
    shocks: tuple[str, ...] = ()
    grids: tuple[str, ...] = ()
    certified: int = 0
    generators: tuple[str, ...] = ("stressed",)
    tries: int = 1
    outer: int = 0
    outer_scenarios: int = 1_000
    sensitivity_attempts: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready settings."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> SolveRequest:
        """Return the request that `to_json` wrote.

        Raises
        ------
        MalformedFile
            If a setting is missing, unknown or of another type.
        """
        from abis.errors import MalformedFile

        if set(settings) != {f.name for f in fields(cls)}:
            raise MalformedFile(
                "the manifest's settings are not those of this version.", remedy="Use the version it names."
            )
        values: dict[str, Any] = {}
        for name, value in settings.items():
            expected = getattr(cls(), name)
            if isinstance(expected, tuple):
                fits = isinstance(value, list) and all(isinstance(v, str) for v in value)
            else:
                fits = type(value) is type(expected)
            if not fits:
                raise MalformedFile(f"the manifest's setting {name} is {str(value)[:40]!r}.")
            values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)

    def without_search(self) -> SolveRequest:
        """Return the request with nothing that needs a search."""
        return replace(self, sensitivity_attempts=0)

    def batch(self, snapshot: Snapshot, files: Files) -> Scenarios:
        """Return the scenarios the choice is made on."""
        from risk.solver.generators import sample_of

        if files.scenarios is not None or self.shocks or self.grids:
            return scenarios_of(snapshot, files.scenarios, self.shocks, self.grids, standard=False)
        return sample_of("stressed", snapshot, self.draws, self.seed)

    def samples(self, snapshot: Snapshot, files: Files) -> dict[str, Scenarios]:
        """Return the independent scenarios that certify it, by generator."""
        from risk.solver.generators import sample_of

        if not self.certified:
            return {}
        return {
            name: sample_of(name, snapshot, self.certified, self.seed + self.tries, file=files.certify)
            for name in self.generators
        }

    @property
    def asked(self) -> Asked:
        """Return which proofs are wanted."""
        from risk.solver.proof import Asked

        return Asked(
            tries=self.tries,
            outer=self.outer,
            outer_scenarios=self.outer_scenarios,
            outer_seed=self.seed,
            sensitivity_attempts=self.sensitivity_attempts,
        )


def generators_asked(given: Sequence[str]) -> tuple[tuple[str, ...], Path | None]:
    """Return the generators as a request names them, and the file among them.

    Raises
    ------
    InputError
        If one is unknown, or there are two files.
    """
    from abis.errors import InputError
    from risk.solver.generators import GENERATORS, known_generator

    files = [name for name in given if known_generator(name) not in GENERATORS]
    if len(files) > 1:
        raise InputError(f"--certify-with names {len(files)} files.", remedy="Give one, beside generators.")
    names = tuple(dict.fromkeys(FILE if name in files else name for name in given))
    return names or ("stressed",), Path(files[0]) if files else None
