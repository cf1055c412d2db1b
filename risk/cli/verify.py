"""``breakwater verify``: a bundle computed again from its inputs, compared byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from risk.cli.proposal_request import Files
    from risk.proposal.bundle import Manifest

SCHEMA = "breakwater.verification/1"
LARGEST_BYTES = 500_000_000  # of one file of a bundle; a stranger's is read whole
_HELP = """Compute a bundle again from its inputs and compare every byte.

First each file is held to its hash in manifest.json; then everything is computed again from the snapshot, \
the settings and the copies of the input files, and compared. The first file that differs is named, with its \
first differing line; exit code 1.

Of what 'solve' wrote, the choice is judged and certified again, its plan made again, and all their figures \
compared, in solution.md too; the search for a better one, its gaps, the frontier, and what explains the \
choice, is not made again.

A bundle of 'solve' holds its snapshot, others do not: it is taken from --snapshot, or from 'snapshot' \
inside or beside the folder if its hash is the manifest's. Scenarios and depth are in the bundle with all \
files they name, unless these are larger than 200 MB: then give the original with --scenarios or --depth.

Examples:

  breakwater verify out

  breakwater verify out --snapshot snap

  breakwater verify out --hashes-only
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("verify", help=_HELP, no_args_is_help=True)(verify)


def verify(
    bundle: Annotated[Path, typer.Argument(help="What 'propose', 'review-payload' or 'solve' wrote.")],
    snapshot: Annotated[
        Path | None, typer.Option("--snapshot", help="The snapshot it was made from.", show_default=False)
    ] = None,
    scenarios: Annotated[
        Path | None,
        typer.Option("--scenarios", help="The scenarios it was made from, if too large."),
    ] = None,
    depth: Annotated[
        Path | None, typer.Option("--depth", help="The depth it was made from, if too large.")
    ] = None,
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Compare with the manifest; compute nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")] = False,
) -> None:
    """Compute a bundle again and compare."""
    from risk.proposal.bundle import check_bytes

    manifest = _manifest(bundle)
    given = _contents(bundle, manifest)
    check_bytes(manifest, given)
    for name in _unlisted(bundle, manifest):
        typer.echo(f"note: {name} is not part of the bundle and was not looked at.", err=True)
    if not hashes_only:
        folder = _snapshot(bundle, snapshot, manifest)
        _recompute(bundle, manifest, given, folder, scenarios, depth)
    _say(manifest, computed=not hashes_only, as_json=as_json)


def _manifest(bundle: Path) -> Manifest:
    from abis.errors import MalformedFile
    from abis.strict_json import loads
    from risk.proposal.bundle import MANIFEST, manifest_of

    content = _read(bundle, MANIFEST)
    try:
        body = loads(content)
    except ValueError as error:
        raise MalformedFile(
            f"'{bundle}': {MANIFEST} is no JSON.", remedy="Name a folder that 'breakwater propose' wrote."
        ) from error
    return manifest_of(body)


def _contents(bundle: Path, manifest: Manifest) -> dict[str, bytes]:
    """Return the bytes of every listed file that is there."""
    return {name: _read(bundle, name) for name in manifest.files if (bundle / name).is_file()}


def _read(bundle: Path, name: str) -> bytes:
    from abis.errors import MalformedFile

    path = bundle / name
    try:
        # A link could lead out of the bundle.
        if path.is_symlink() or not path.resolve().is_relative_to(bundle.resolve()):
            raise MalformedFile(f"'{path}' is a link.", remedy="A bundle holds files.")
        if path.stat().st_size > LARGEST_BYTES:
            raise MalformedFile(f"'{path}' is too large.", remedy=f"At most {LARGEST_BYTES:,} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise MalformedFile(
            f"cannot read '{path}': {error.strerror or error}.",
            remedy="Name a folder that 'breakwater propose' wrote.",
        ) from error


def _unlisted(bundle: Path, manifest: Manifest) -> list[str]:
    from risk.proposal.bundle import MANIFEST

    known = {*manifest.files, MANIFEST}
    found = (p.relative_to(bundle).as_posix() for p in bundle.rglob("*") if not p.is_dir())
    # Its own snapshot may stand in the folder.
    return sorted(n for n in found if n not in known and not n.startswith("snapshot/"))


def _snapshot(bundle: Path, given: Path | None, manifest: Manifest) -> Path:
    """Return the folder of the snapshot whose hash the manifest holds.

    Raises
    ------
    LimitBroken
        If the one given is another.
    InputError
        If none was given and none is found.
    """
    from abis.errors import InputError, LimitBroken, MalformedFile
    from protocols.store import digest

    if given is not None:
        found = digest(given)
        if found != manifest.snapshot_sha256:
            raise LimitBroken(
                f"'{given}' is another snapshot: sha256 {found}, the bundle was made from "
                f"{manifest.snapshot_sha256}.",
                remedy="Give the snapshot it was made from.",
            )
        return given
    for folder in (bundle / "snapshot", bundle.resolve().parent / "snapshot"):
        try:
            if digest(folder) == manifest.snapshot_sha256:
                return folder
        except MalformedFile:
            continue
    raise InputError(
        f"the snapshot with sha256 {manifest.snapshot_sha256} is not at hand; every file has its hash, no "
        "figure was computed again.",
        remedy="Give it with --snapshot, or give --hashes-only.",
    )


def _recompute(
    bundle: Path,
    manifest: Manifest,
    given: Mapping[str, bytes],
    folder: Path,
    scenarios: Path | None,
    depth: Path | None,
) -> None:
    from abis.errors import LimitBroken
    from protocols.store import load
    from risk.cli.progress import reporting
    from risk.cli.proposal_output import LABELS, produce, snapshot_parts
    from risk.cli.proposal_request import Files, Request
    from risk.cli.solve_request import SOLVE
    from risk.cli.verify_solve import judge_again
    from risk.proposal.bundle import MANIFEST, check_same
    from risk.proposal.provenance import code_sha256, code_version

    if manifest.code_sha256 != code_sha256():
        typer.echo(
            f"note: written by code {manifest.code_sha256[:12]} of version {manifest.version}, computed "
            f"again by {code_sha256()[:12]} of version {code_version()}: a difference may be the code's.",
            err=True,
        )
    files = Files.inside(bundle, manifest.inputs, scenarios=scenarios, depth=depth)
    _check_named(files)
    if manifest.settings.get("command") == SOLVE:
        judge_again(manifest, given, folder, files)
        return
    with reporting(LABELS) as report:
        again = produce(
            load(folder), snapshot_parts(folder), Request.from_json(manifest.settings), files, report
        )
    # The manifest's own entries; other code is no tampering.
    for name in ("scenarios_sha256", "snapshot_parts", "seed", "resampling_seed"):
        if getattr(manifest, name) != getattr(again.manifest, name):
            raise LimitBroken(
                f"{MANIFEST}: {name} is not what these inputs lead to.",
                remedy="If scenarios were too large to be copied, give the original with --scenarios.",
            )
    check_same(given, {**again.inputs, **again.outputs}, manifest.files)


def _check_named(files: Files) -> None:
    """Refuse a copied spec that names files which were too large to be copied.

    Raises
    ------
    MalformedFile
        Naming the first.
    """
    from abis.errors import MalformedFile
    from risk.cli.copied_inputs import missing

    for kind, name in missing(files.given):
        raise MalformedFile(
            f"the bundle's {kind} name '{name}', which was too large to be copied.",
            remedy=f"Give the original with --{kind}.",
        )


def _say(manifest: Manifest, *, computed: bool, as_json: bool) -> None:
    from risk.cli.envelope import envelope

    how = "hashes are the manifest's"
    if computed and manifest.settings.get("command") == "solve":
        how = "the choice judged and certified again: amounts and bounds are the same"
    elif computed:
        how = "computed again from the inputs: every byte is the same"
    typer.echo(f"{len(manifest.files):,} files, {how}.", err=as_json)
    if as_json:
        data = {"computed": computed, "files": manifest.files}
        inputs = {"snapshot_sha256": manifest.snapshot_sha256, "scenarios_sha256": manifest.scenarios_sha256}
        typer.echo(envelope(SCHEMA, data, inputs=inputs, units={"files": "sha256"}), nl=False)
