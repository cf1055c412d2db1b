"""What was asked about a proposal: the settings of a bundle, and the files that go with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protocols.snapshot import Snapshot
    from risk.cli.copied_inputs import Copied
    from risk.depth import Depth
    from risk.proposal.changes import Change
    from risk.scenarios.scenarios import Scenarios

PROPOSE, REVIEW = "propose", "review-payload"


@dataclass(frozen=True, slots=True)
class Request:
    """Everything asked that is no file; determines the outputs together with `Files` and a snapshot.

    Parameters
    ----------
    command : str
        ``propose`` or ``review-payload``.
    changes : tuple of str
        As `canonical` writes them; empty for a payload, which says what changes.
    calldata : str
        A payload given as hex instead of a file.
    shocks, grids : tuple of str
    configurator, steward : str or None
        Contracts to send to, where they are not those known of the market.
    vary_depth : bool
        Whether the scenarios run under other depths too.
    title, author, discussion, motivation : str
        The author's own words.
    """

    command: str
    changes: tuple[str, ...] = ()
    calldata: str = ""
    shocks: tuple[str, ...] = ()
    grids: tuple[str, ...] = ()
    configurator: str | None = None
    steward: str | None = None
    vary_depth: bool = True
    title: str = ""
    author: str = ""
    discussion: str = ""
    motivation: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready settings."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Request:
        """Return the request that `to_json` wrote.

        Raises
        ------
        MalformedFile
            If a setting is missing, unknown or of another type.
        """
        from abis.errors import MalformedFile

        default = cls("")
        if set(settings) != {f.name for f in fields(cls)}:
            raise MalformedFile(
                "the manifest's settings are not those of this version.", remedy="Use the version it names."
            )
        values: dict[str, Any] = {}
        for name, value in settings.items():
            expected = getattr(default, name)
            texts = isinstance(value, list) and all(isinstance(v, str) for v in value)
            right = texts if isinstance(expected, tuple) else isinstance(value, type(expected) | str)
            if expected is None:
                right = value is None or isinstance(value, str)
            if not right or (isinstance(expected, bool) and not isinstance(value, bool)):
                raise MalformedFile(f"the manifest's setting {name!r} is {str(value)[:40]!r}.")
            values[name] = tuple(value) if texts else value
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Files:
    """Files given beside a snapshot; None where none was.

    Parameters
    ----------
    scenarios : Path or None
        A TOML spec or a Parquet directory.
    depth, feeds, history, payload, plan, limits, certify : Path or None
    """

    scenarios: Path | None = None
    depth: Path | None = None
    feeds: Path | None = None
    history: Path | None = None
    payload: Path | None = None
    plan: Path | None = None
    limits: Path | None = None
    certify: Path | None = None

    @property
    def given(self) -> dict[str, Path]:
        """Return the files that were given, by what they are."""
        return {f.name: p for f in fields(self) if (p := getattr(self, f.name)) is not None}

    def contents(self) -> dict[str, bytes]:
        """Return name in the bundle and bytes of every file, those that a spec names too.

        Raises
        ------
        MalformedFile
            If one cannot be read.
        """
        return self.copies().files

    def copies(self) -> Copied:
        """Return the same, and which inputs are too large to be copied whole."""
        from risk.cli.copied_inputs import copied

        return copied(self.given)

    @classmethod
    def inside(
        cls,
        bundle: Path,
        names: Mapping[str, str],
        scenarios: Path | None = None,
        depth: Path | None = None,
    ) -> Files:
        """Return the copies in a bundle; ``scenarios`` and ``depth`` win over them.

        Raises
        ------
        MalformedFile
            If the bundle holds an input of another kind.
        """
        from abis.errors import MalformedFile
        from risk.proposal.bundle import INPUTS

        found: dict[str, Path] = {}
        for name in names:
            rest = name.removeprefix(INPUTS)
            kind = re.split(r"[./-]", rest, maxsplit=1)[0]
            if kind not in {f.name for f in fields(cls)}:
                raise MalformedFile(f"'{name}' is no input of a proposal.")
            mark = rest[len(kind) : len(kind) + 1]
            if mark != "-":  # else a spec names it
                found[kind] = bundle / (f"{INPUTS}{kind}" if mark == "/" else name)
        originals = {"scenarios": scenarios, "depth": depth}
        return cls(**found | {kind: path for kind, path in originals.items() if path is not None})


def canonical(change: Change, snapshot: Snapshot) -> str:
    """Return a change as the text that reads back as it: by address, in the unit of the chain."""
    from risk.proposal.changes import Unit

    if change.is_emode:
        subject = f"emode:{snapshot.emodes[change.place].id}"
    else:
        subject = snapshot.reserves[change.place].asset
    if change.field.unit is Unit.TOKENS:
        return f"{subject}.{change.field.name}={change.after}"
    return f"{subject}.{change.field.name}={max(change.after - change.field.offset, 0)}bps"


def scenarios_asked(request: Request, files: Files, snapshot: Snapshot) -> Scenarios:
    """Return the scenarios of a request."""
    from risk.cli.scenario_options import scenarios_of

    return scenarios_of(snapshot, files.scenarios, request.shocks, request.grids, standard=False)


def depth_asked(files: Files, snapshot: Snapshot) -> Depth:
    """Return the depth of a request, infinite without a file."""
    from risk.depth import Depth

    return Depth.infinite_for(snapshot) if files.depth is None else Depth.load(files.depth, snapshot)
