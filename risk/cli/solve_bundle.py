"""The files the solver writes beside its results, so that they can be judged again from the folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from risk.cli.solve_request import SolveRequest

if TYPE_CHECKING:
    from risk.scenarios.scenarios import Scenarios

SNAPSHOT = "snapshot"


def bundled(
    folder: Path,
    request: SolveRequest,
    inputs: Mapping[str, bytes],
    batch: Scenarios,
    outputs: Mapping[str, str | bytes],
) -> dict[str, bytes]:
    """Return copies of the inputs, the outputs, the snapshot's files, and the manifest last.

    Parameters
    ----------
    folder : Path
        Of the snapshot.
    request : SolveRequest
    inputs : mapping of name to bytes
        Copies of the files that were given.
    batch : Scenarios
        The choice was made on them.
    outputs : mapping of name to text or bytes
    """
    from protocols.store import MANIFEST as PARTS
    from risk.cli.proposal_output import snapshot_parts
    from risk.proposal.bundle import MANIFEST, Manifest, hashes
    from risk.proposal.provenance import code_sha256, code_version

    written = {k: v.encode() if isinstance(v, str) else v for k, v in outputs.items()}
    parts = snapshot_parts(folder)
    manifest = Manifest(
        version=code_version(),
        code_sha256=code_sha256(),
        settings=request.to_json(),
        snapshot_sha256=parts.pop("manifest"),
        snapshot_parts=parts,
        scenarios_sha256=batch.sha256,
        seed=batch.seed,
        resampling_seed=request.seed,
        inputs=hashes(inputs),
        outputs=hashes(written),
    )
    copied = {
        f"{SNAPSHOT}/{name}": (folder / name).read_bytes()
        for name in (PARTS, *(f"{part}.parquet" for part in parts))
    }
    return {**inputs, **written, **copied, MANIFEST: manifest.text().encode()}
