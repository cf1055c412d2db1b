"""What the oracle commands read: rounds from a file or the chain, candles from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abis.findings import Finding
    from oracles.feed import PriceFeed
    from oracles.history import Candles, RoundHistory

SHOWN_FINDINGS = 12


def read_rounds_file(path: Path, feed: str | None, decimals: int | None) -> tuple[RoundHistory, str]:
    """Return the rounds of a file and the feed's name; errors as `oracles.series_files`."""
    from oracles.series_files import load_table, rounds_from_table

    return rounds_from_table(load_table(path), feed, decimals)


def read_candles_file(path: Path, where: Sequence[str]) -> Candles:
    """Return one series of candles; ``where`` holds ``COLUMN=VALUE``.

    Raises
    ------
    InputError
        As `oracles.series_files.candles_from_table`, or if a choice has no ``=``.
    """
    from abis.errors import InputError
    from oracles.series_files import candles_from_table, load_table

    chosen = dict(part.split("=", 1) for part in where if "=" in part)
    for part in where:
        if "=" not in part:
            raise InputError(f"--where {part!r} is no choice.", remedy="Write it COLUMN=VALUE, symbol=ETH.")
    return candles_from_table(load_table(path), chosen)


def day(text: str) -> float:
    """Return the Unix time of ``2023-06-01`` or ``2023-06-01T12:00``, UTC.

    Raises
    ------
    InputError
        If it is no time.
    """
    from datetime import UTC, datetime

    from abis.errors import InputError

    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"'{text}' is no date.", remedy="Write it 2023-06-01.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def period(since: str | None, until: str | None) -> tuple[float, float]:
    """Return first and last moment of ``[since, until)``, open where nothing was said.

    Raises
    ------
    InputError
        If one is no time, or nothing lies between them.
    """
    from abis.errors import InputError

    start = day(since) if since else float("-inf")
    end = day(until) if until else float("inf")
    if start >= end:
        raise InputError(f"nothing lies from {since} to {until}.", remedy="Give the earlier day to --since.")
    return start, end


def rounds_like(path: Path, name: str | None, feed: PriceFeed) -> RoundHistory:
    """Return the rounds of a feed file's feed, which stands in for what the table does not say.

    Raises
    ------
    InputError
        As `oracles.series_files.rounds_from_table`.
    """
    from oracles.series_files import load_table, rounds_from_table

    table = load_table(path)
    if name is None and "feed" in table:
        name = feed.description
    return rounds_from_table(table, name, None if "decimals" in table else feed.decimals)[0]


def sha256_of(path: Path) -> str:
    """Return the hash of a file's bytes."""
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def tell(findings: Iterable[Finding]) -> None:
    """Write findings to stderr, worst first, a dozen at most."""
    import typer

    from abis.findings import ranked
    from risk.report.formats import label, plural

    every = ranked(findings)
    for finding in every[:SHOWN_FINDINGS]:
        severity = finding.severity.name.lower()
        typer.echo(f"  {severity}: {label(finding.subject)}: {label(finding.message, 300)}", err=True)
    if len(every) > SHOWN_FINDINGS:
        typer.echo(f"  and {plural(len(every) - SHOWN_FINDINGS, 'more finding')} with --json.", err=True)


def refuse_findings(findings: Iterable[Finding], strict: bool) -> None:
    """Raise where ``strict`` and something graver than information was found.

    Raises
    ------
    LimitBroken
        With their number.
    """
    from abis.errors import LimitBroken
    from abis.findings import Severity
    from risk.report.formats import plural

    grave = [f for f in findings if f.severity > Severity.INFO]
    if strict and grave:
        raise LimitBroken(f"{plural(len(grave), 'finding')} above information.", remedy="See them above.")
