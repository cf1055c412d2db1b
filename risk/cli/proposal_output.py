"""What the commands about proposals compute, show and write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from abis.findings import ranked
from risk.cli.payload_output import PAYLOAD_FILES
from risk.cli.proposal_request import REVIEW, Files, Request, depth_asked, scenarios_asked

if TYPE_CHECKING:
    from abis.findings import Finding
    from protocols.snapshot import Snapshot
    from risk.proposal.bundle import Manifest
    from risk.proposal.changes import Change
    from risk.proposal.config_diff import Row
    from risk.proposal.dossier import Dossier, SentCall
    from risk.proposal.incoming import Incoming
    from risk.scenarios.scenarios import Scenarios

SCHEMA = "breakwater.proposal/2"
JSON_FILE, POST_FILE, REPORT_FILE = "proposal.json", "post.md", "report.html"
AFFECTED_FILE, STATUSES_FILE = "affected.csv", "statuses.csv"
FILES = (JSON_FILE, POST_FILE, REPORT_FILE, AFFECTED_FILE, STATUSES_FILE, *PAYLOAD_FILES, "manifest.json")
LABELS = {"stress": "Stress tests run", "accounts": "Accounts looked at"}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Produced:
    """Everything a request leads to.

    Parameters
    ----------
    dossier : Dossier
    outputs : mapping of name to bytes
    inputs : mapping of name to bytes
        Copies of the files that were given.
    manifest : Manifest
    """

    dossier: Dossier
    outputs: Mapping[str, bytes]
    inputs: Mapping[str, bytes]
    manifest: Manifest

    @property
    def files(self) -> dict[str, bytes]:
        """Return every file of the bundle, the manifest last."""
        from risk.proposal.bundle import MANIFEST

        return {**self.inputs, **self.outputs, MANIFEST: self.manifest.text().encode()}


def produce(
    taken: Snapshot, parts: Mapping[str, str], request: Request, files: Files, progress: Progress
) -> Produced:
    """Return everything a request leads to; pure in its inputs.

    Parameters
    ----------
    taken : Snapshot
    parts : mapping of str to str
        ``manifest`` and hash, and the hash of each table of the snapshot's folder.
    request : Request
    files : Files
    progress : callable (phase, done, total)
    """
    from risk.proposal.affected import affected, affected_csv, statuses_csv
    from risk.proposal.published import published

    inputs = files.contents()
    batch = scenarios_asked(request, files, taken)
    dossier = _dossier(taken, parts["manifest"], request, files, batch, progress)
    rows = affected(
        taken, dossier.proposed, dossier.evidence.effects, lambda done, n: progress("accounts", done, n)
    )
    texts = {
        JSON_FILE: _json(dossier),
        **published(dossier),
        AFFECTED_FILE: affected_csv(taken, rows),
        STATUSES_FILE: statuses_csv(taken, dossier.evidence.effects),
        **_payloads(dossier, request),
    }
    outputs = {name: text.encode() for name, text in texts.items()}
    return Produced(dossier, outputs, inputs, _manifest(parts, request, batch, inputs, outputs))


def _dossier(
    taken: Snapshot, sha256: str, request: Request, files: Files, batch: Scenarios, progress: Progress
) -> Dossier:
    from risk.cli.scenario_options import sha256_of
    from risk.proposal.apply import applied
    from risk.proposal.check import checks
    from risk.proposal.dossier import Dossier
    from risk.proposal.evidence import evidence_of
    from risk.scenarios.candles import read_candles

    asked = _asked(taken, request, files)
    changes = asked.changes
    after = applied(taken, changes)
    evidence = evidence_of(
        taken,
        changes,
        batch,
        depth=depth_asked(files, taken),
        feeds=_feeds(taken, files),
        history=None if files.history is None else read_candles([files.history]),
        snapshot_sha256=sha256,
        depth_sha256=sha256_of(files.depth),
        vary_depth=request.vary_depth,
        progress=progress,
    )
    return Dossier(
        market=taken,
        proposed=after,
        evidence=replace(evidence, findings=tuple(ranked((*asked.findings, *evidence.findings)))),
        checks=checks(taken, after, changes),
        calls=asked.calls if request.command == REVIEW else _calls(after, changes),
        others=asked.others,
        payload_sha256=asked.payload_sha256,
        title=request.title,
        author=request.author,
        discussion=request.discussion,
        motivation=request.motivation,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request changes: from its own texts, or read out of somebody else's payload."""

    changes: tuple[Change, ...]
    others: tuple[Row, ...] = ()
    findings: tuple[Finding, ...] = ()
    calls: tuple[SentCall, ...] = ()
    payload_sha256: str = ""


def _asked(taken: Snapshot, request: Request, files: Files) -> _Asked:
    import hashlib

    from protocols.payload_file import read_payload
    from risk.proposal.changes import read_changes
    from risk.proposal.config_diff import proposed
    from risk.proposal.incoming import read
    from risk.proposal.pending import pending_findings

    if request.command != REVIEW:
        changes = read_changes(request.changes, taken)
        return _Asked(changes, findings=tuple(pending_findings(taken, changes)))
    raw = read_payload(request.calldata or str(files.payload), taken.market.chain_id)
    incoming = read(raw, taken)
    return _Asked(
        incoming.changes,
        proposed(taken, (), incoming.others),
        incoming.findings,
        _reviewed_calls(incoming),
        hashlib.sha256("\n".join(c.data for c in raw).encode()).hexdigest(),
    )


def _reviewed_calls(incoming: Incoming) -> tuple[SentCall, ...]:
    from risk.proposal.dossier import SentCall
    from risk.proposal.payload import CONTRACTS

    made = []
    for raw, found in incoming.calls:
        by = " or ".join(CONTRACTS[r] for r in found.routes) if found is not None else "unknown"
        text = found.call.text() if found is not None else f"NOT DECODED ({raw.place})"
        made.append(SentCall(by, text, raw.data))
    return tuple(made)


def _feeds(taken: Snapshot, files: Files) -> Any:
    """Return the audit of feeds, with the facts of a file if one was given."""
    from risk.audit.audit import audit
    from risk.audit.feeds_file import FeedFile

    return audit(taken, feeds=None if files.feeds is None else FeedFile(files.feeds, taken))


def _calls(after: Snapshot, changes: tuple[Change, ...]) -> tuple[SentCall, ...]:
    from protocols.payloads import has_payloads
    from risk.proposal.dossier import SentCall
    from risk.proposal.payload import calls

    if not has_payloads(after.market):
        return ()
    return tuple(SentCall("PoolConfigurator", c.text(), c.calldata) for c in calls(after, changes))


def _json(dossier: Dossier) -> str:
    from dataclasses import asdict

    from risk.cli.envelope import envelope
    from risk.proposal.evidence_json import UNITS, evidence_data

    evidence = dossier.evidence
    data = evidence_data(evidence, dossier.checks)
    data["calls"] = [{"by": c.by, "call": c.text, "calldata": c.calldata} for c in dossier.calls]
    inputs = {**asdict(evidence.provenance), "payload_sha256": dossier.payload_sha256 or None}
    return envelope(SCHEMA, data, inputs=inputs, units=UNITS, findings=evidence.findings)


def _payloads(dossier: Dossier, request: Request) -> dict[str, str]:
    """Return the difference in configuration, and of one's own proposal the calls to send."""
    from protocols.payloads import has_payloads
    from risk.cli.payload_output import diff_files, payload_files, targets_of

    market, changes = dossier.market, dossier.evidence.changes
    inputs = {
        "snapshot_sha256": dossier.evidence.provenance.snapshot_sha256,
        "payload_sha256": dossier.payload_sha256 or None,
    }
    files = diff_files(market, changes, dossier.others, inputs)
    if request.command == REVIEW or not has_payloads(market.market):
        return files
    targets = targets_of(market, request.configurator, request.steward)
    return files | payload_files(dossier.proposed, changes, targets, inputs)


def _manifest(
    parts: Mapping[str, str],
    request: Request,
    batch: Scenarios,
    inputs: Mapping[str, bytes],
    outputs: Mapping[str, bytes],
) -> Manifest:
    from risk.proposal.bundle import Manifest, hashes
    from risk.proposal.provenance import code_sha256, code_version

    return Manifest(
        version=code_version(),
        code_sha256=code_sha256(),
        settings=request.to_json(),
        snapshot_sha256=parts["manifest"],
        snapshot_parts={name: sha for name, sha in parts.items() if name != "manifest"},
        scenarios_sha256=batch.sha256,
        seed=batch.seed,
        resampling_seed=0,
        inputs=hashes(inputs),
        outputs=hashes(outputs),
    )


def show(made: Produced, output: Path | None, *, as_json: bool) -> None:
    """Print, and write where asked to.

    Raises
    ------
    LimitBroken
        If the configurator would refuse the changes; everything is shown before.
    """
    from abis.errors import LimitBroken
    from risk.cli.outputs import write_files

    if output is not None:
        write_files(output, made.files)
        typer.echo(f"wrote {', '.join(made.files)} into {output}", err=True)
    if output is None or as_json:
        typer.echo(made.outputs[JSON_FILE if as_json else POST_FILE].decode(), nl=False)
    else:
        _summarise(made.dossier)
    refused = made.dossier.failed("configurator")
    if refused:
        first = refused[0]
        raise LimitBroken(
            f"the configurator would refuse it: {first.subject}: {first.rule} ({first.detail}).",
            remedy="Change the values; every rule and verdict is above.",
        )


def _summarise(dossier: Dossier) -> None:
    """Print what one must know before reading the files."""
    from risk.proposal.report import headline
    from risk.report.formats import label, sentence

    for line in headline(dossier):
        typer.echo(line)
    for warning in dossier.evidence.warnings:
        severity = warning.severity.name.lower()
        typer.echo(f"{severity}: {label(warning.subject)}: {sentence(warning.message)}")


def snapshot_parts(folder: Path) -> dict[str, str]:
    """Return the hash of a snapshot's manifest, as ``manifest``, and those of its tables."""
    from protocols.store import MANIFEST, digest

    body = json.loads((folder / MANIFEST).read_bytes())
    return {"manifest": digest(folder)} | {k: str(v["sha256"]) for k, v in sorted(body["parts"].items())}


def run(
    folder: Path,
    taken: Snapshot,
    request: Request,
    files: Files,
    output: Path | None,
    *,
    as_json: bool,
    max_age_days: float,
) -> None:
    """Compute a request, tell of an old snapshot on stderr, and show what came of it.

    Raises
    ------
    LimitBroken
        As `show`.
    """
    import time

    from risk.cli.progress import reporting

    age_days = (time.time() - taken.block.timestamp_s) / 86_400
    if age_days > max_age_days:
        # The clock decides what is said here and nothing of what is written.
        typer.echo(
            f"warning: the snapshot is {age_days:,.1f} days old (limit {max_age_days:g}); balances and "
            "prices have moved since. Take a new one, or give --max-age.",
            err=True,
        )
    with reporting(LABELS) as report:
        made = produce(taken, snapshot_parts(folder), request, files, report)
    show(made, output, as_json=as_json)
