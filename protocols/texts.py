"""Texts from the chain are untrusted: kept as they are, but of bounded length."""

from __future__ import annotations

from abis.findings import Finding, FindingKind, Severity

LONGEST_TEXT = 64


def bounded(text: str, what: str, subject: str, findings: list[Finding]) -> str:
    """Return at most `LONGEST_TEXT` characters of ``text``; a cut is noted in ``findings``.

    Parameters
    ----------
    text : str
        What the contract answered.
    what : str
        What it is, for the finding: ``symbol``.
    subject : str
        The contract's address.
    findings : list
        Receives the note.
    """
    if len(text) <= LONGEST_TEXT:
        return text
    findings.append(
        Finding(
            FindingKind.OUT_OF_RANGE,
            Severity.LOW,
            subject,
            f"{what} has {len(text)} characters; the first {LONGEST_TEXT} are kept.",
        )
    )
    return text[:LONGEST_TEXT]
