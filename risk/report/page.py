"""What a reader sees, before it is HTML or Markdown: tiles, tables, charts, sections.

Writers render these and compute nothing; the figures come from `risk.report.review`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from abis.findings import Finding
from risk.report import formats


class Kind(StrEnum):
    """How a cell is shown."""

    TEXT = "text"  # untrusted: made visible, escaped by the writer
    PROSE = "prose"  # untrusted sentences: wrapped, cut only where gigantic
    CODE = "code"  # calldata: never cut
    VALUE = "value"  # our own figures and words as text: nothing of strangers in it
    ACCOUNT = "account"
    USD = "usd"
    PRICE = "price"
    TOKENS = "tokens"
    COUNT = "count"
    SHARE = "share"
    CHANGE = "change"
    BPS = "bps"
    HEALTH = "health"
    SECONDS = "seconds"
    TIME = "time"
    YES = "yes"
    VERDICT = "verdict"  # coloured by what it says


_MAX_PROSE = 400

_SHOW: Mapping[Kind, Callable[[Any], str]] = {
    Kind.TEXT: lambda v: formats.ABSENT if v in (None, "") else formats.label(str(v)),
    Kind.PROSE: lambda v: formats.ABSENT if v in (None, "") else formats.label(str(v), _MAX_PROSE),
    Kind.CODE: lambda v: formats.ABSENT if v in (None, "") else formats.sentence(str(v)),
    Kind.VALUE: lambda v: formats.ABSENT if v in (None, "") else str(v),
    Kind.ACCOUNT: lambda v: formats.ABSENT if v in (None, "") else formats.account(str(v)),
    Kind.USD: formats.usd,
    Kind.PRICE: formats.price,
    Kind.TOKENS: formats.tokens,
    Kind.COUNT: formats.count,
    Kind.SHARE: formats.share,
    Kind.CHANGE: formats.change,
    Kind.BPS: formats.bps,
    Kind.HEALTH: formats.health,
    Kind.SECONDS: formats.seconds,
    Kind.TIME: formats.utc,
    Kind.YES: lambda v: formats.ABSENT if v is None else "yes" if v else "no",
    Kind.VERDICT: str,
}
_EXACT: Mapping[Kind, str] = {Kind.USD: "{:,.2f} USD", Kind.TOKENS: "{:,.6f}", Kind.HEALTH: "{:.6f}"}
_SENTENCES = frozenset({Kind.PROSE, Kind.VALUE})
_WORDS = _SENTENCES | {Kind.TEXT, Kind.CODE, Kind.ACCOUNT, Kind.YES, Kind.VERDICT}
_TONES = {"PASS": "good", "FAIL": "bad", "NOT KNOWN": "watch"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the row key it shows, its header (with unit) and kind."""

    key: str
    header: str
    kind: Kind = Kind.TEXT
    depth: bool = False  # its numbers depend on depth
    exact_key: str = ""  # row key of the exact value as text, where a float cannot hold it

    @property
    def numeric(self) -> bool:
        """Whether cells are right-aligned numbers."""
        return self.kind not in _WORDS

    @property
    def running(self) -> bool:
        """Whether cells are running text rather than names."""
        return self.numeric or self.kind in _SENTENCES

    def show(self, row: Mapping[str, Any]) -> str:
        """Return the cell's text."""
        return _SHOW[self.kind](row[self.key])

    def exact(self, row: Mapping[str, Any]) -> str:
        """Return the fuller value for a tooltip; empty if the cell already says it."""
        value = row[self.key]
        if value is None:
            return ""
        if self.exact_key:
            return str(row[self.exact_key])
        if self.kind is Kind.ACCOUNT:
            return formats.label(str(value), 200)
        pattern = _EXACT.get(self.kind)
        return pattern.format(value) if pattern else ""

    def order(self, row: Mapping[str, Any]) -> str:
        """Return the value to sort by: a number for numeric columns."""
        value = row[self.key]
        return "" if value is None or not self.numeric else repr(float(value))

    def classes(self, row: Mapping[str, Any]) -> str:
        """Return the cell's style classes."""
        if self.kind is Kind.VERDICT:
            return f"verdict {_TONES.get(str(row[self.key]), 'plain')}"
        return "num" if self.numeric else self.kind.value if self.kind in (Kind.PROSE, Kind.CODE) else ""


def method_id(figure: str) -> str:
    """Return the anchor of a figure in the appendix of methods."""
    return "how-" + re.sub(r"[^a-z0-9]+", "-", figure.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class Table:
    """A table; ``rows`` map column keys to raw values.

    ``depth`` marks tables whose numbers depend on depth, ``search`` those a reader may
    filter, ``folded`` long ones.  Markdown shows the first ``markdown_rows``, or where ``even`` as
    many evenly from the first to the last.  ``how`` names the entries of the page's methods that
    compute its figures.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    note: str = ""
    empty: str = "Nothing to show."
    search: bool = False
    folded: bool = False
    markdown_rows: int = 20
    even: bool = False
    how: tuple[str, ...] = ()

    @property
    def in_markdown(self) -> tuple[Mapping[str, Any], ...]:
        """Return the rows Markdown shows."""
        n, most = len(self.rows), self.markdown_rows
        if not self.even or n <= most or most < 2:
            return self.rows[:most]
        return tuple(self.rows[round(k * (n - 1) / (most - 1))] for k in range(most))

    @property
    def depth(self) -> bool:
        """Whether any column depends on depth."""
        return any(c.depth for c in self.columns)


def rows_of(records: Sequence[Any]) -> tuple[dict[str, Any], ...]:
    """Return dataclass records as table rows."""
    return tuple(asdict(r) for r in records)


@dataclass(frozen=True, slots=True)
class Chart:
    """An interactive chart: a Plotly ``{data, layout}`` with colour tokens ``$c1`` etc.

    ``how`` names the entries of the page's methods behind it, ``table`` the id of the table with
    the same figures.
    """

    id: str
    title: str
    spec: Mapping[str, Any]
    alt: str
    note: str = ""
    depth: bool = False
    wide: bool = False
    how: tuple[str, ...] = ()
    table: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure of the first page."""

    name: str
    value: str
    detail: str = ""
    tone: str = "plain"  # plain, good, watch, bad
    depth: bool = False
    how: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter: sentences first, then charts, then tables."""

    id: str
    title: str
    lead: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    diagnostic: bool = False  # labelled so: no proposal


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report in reading order."""

    title: str
    subtitle: str
    headline: tuple[str, ...]
    tiles: tuple[Tile, ...]
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]  # first page
    details: tuple[Section, ...]
    methods: tuple[tuple[str, str, str], ...]  # figure, unit, how computed
    assumptions: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]
    infinite_depth: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)
