"""Builds a `Snapshot` from CSV or Parquet files: reserves, legs and, if there, accounts and e-modes.

The columns are documented in docs/data-format.md.  A bad row becomes a `Finding` with its
file and row; a file that cannot be read is an error.  The order of rows does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from abis.errors import InputError, MalformedFile
from protocols.aave_v3.versions import since
from protocols.files.market import MarketFacts
from protocols.files.positions import positions_from
from protocols.files.reconcile import reconcile
from protocols.files.reserves import listing_from
from protocols.files.sheets import Kind, read_sheet
from protocols.files.totals import totals_from
from protocols.releases import default_change_rules_of
from protocols.snapshot import Snapshot

DEFAULT_TOLERANCE = Decimal("0.001")


def build(
    files: Iterable[str | Path], facts: MarketFacts, tolerance: Decimal = DEFAULT_TOLERANCE
) -> Snapshot:
    """Return the snapshot the files describe.

    Parameters
    ----------
    files : iterable of path
        Any number of ``.csv`` and ``.parquet`` files, recognised by their columns; at least
        one of reserves and one of legs.
    facts : MarketFacts
        Release, block and base currency (`protocols.files.market.facts_from`).
    tolerance : Decimal
        Relative difference to a reported health factor or total above which an account
        becomes a finding.

    Raises
    ------
    MalformedFile
        If a file cannot be read, its columns do not fit, or reserves or legs are missing.
    InputError
        If the tolerance is no number >= 0.
    """
    if not tolerance.is_finite() or tolerance < 0:
        raise InputError(f"the tolerance is {tolerance}.", remedy="Give a number >= 0, such as 0.001.")
    sheets = sorted((read_sheet(Path(path)) for path in files), key=lambda s: (s.kind, s.name))
    for needed in (Kind.RESERVES, Kind.LEGS):
        if not any(sheet.kind is needed for sheet in sheets):
            raise MalformedFile(
                f"none of the files lists {needed}.", remedy="See docs/data-format.md for the columns."
            )
    rules = facts.rules
    listing = listing_from(sheets, facts.base.unit_raw, since(rules.version, "3.2"))
    positions = positions_from(sheets, listing, rules.version)
    totals = totals_from(listing, positions.book, facts.base.usd_per_raw)
    snapshot = Snapshot(
        market=facts.market,
        block=facts.block,
        base=facts.base,
        rules=rules,
        change_rules=default_change_rules_of(rules.family, rules.version),
        reserves=totals.reserves,
        emodes=listing.emodes,
        book=positions.book,
        completeness=totals.completeness,
    )
    findings = (
        *facts.findings,
        *(finding for sheet in sheets for finding in sheet.findings),
        *listing.findings,
        *positions.findings,
        *totals.findings,
        *reconcile(snapshot, positions.reported, tolerance),
    )
    return replace(snapshot, findings=findings)
