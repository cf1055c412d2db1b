"""``breakwater data fetch``: candles, books, open interest and funding of exchanges, to Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from abis.errors import BreakwaterError
    from abis.findings import Finding
    from risk.cli.progress import Report
    from risk.market_data.fetch import Fetched, Request
    from risk.market_data.venue import Venue

SCHEMA = "breakwater.data-fetch/1"
BOOK = "book"

_HELP = """Fetch market data from exchanges into a folder of Parquet parts.

Any exchange that ccxt supports, without an account. A fetch that is cut off goes on where it stopped when \
the command is given again; bars still open are left out. Gaps, outliers and rows set apart are told as \
findings and kept in manifest.json. Needs pip install 'breakwater\\[exchanges]'. See docs/market-data.md.

Examples:

  breakwater data fetch --venue binance --venue okx --venue coinbase --symbol BTC/USDT \
--since 2025-12-01 --until 2025-12-08 --output candles

  breakwater data fetch --venue binance --symbol BTC/USDT:USDT --kind funding --kind open-interest \
--interval 1h --since 2025-12-01 --output perps

  breakwater data fetch --venue kraken --symbol ETH/USD --kind book --output books --json
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("fetch", help=_HELP, no_args_is_help=True)(data_fetch)


def data_fetch(
    venue: Annotated[list[str], typer.Option("--venue", help="Exchange by its ccxt id; may be repeated.")],
    symbol: Annotated[
        list[str], typer.Option("--symbol", help="BTC/USDT, perpetuals BTC/USDT:USDT; may be repeated.")
    ],
    output: Annotated[Path, typer.Option("--output", help="Folder of the parts.", show_default=False)],
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="candles (default), funding, open-interest or book; may be repeated."),
    ] = None,
    interval: Annotated[str, typer.Option("--interval", help="Length of a bar: 1m, 5m, 1h, 1d.")] = "5m",
    since: Annotated[str, typer.Option("--since", help="First moment, UTC unless it has a zone.")] = "",
    until: Annotated[str, typer.Option("--until", help="Up to, not included; now by default.")] = "",
    base_url: Annotated[
        list[str] | None,
        typer.Option("--base-url", help="VENUE=URL of a gateway to ask instead of the venue's host."),
    ] = None,
    requests_per_second: Annotated[
        float, typer.Option("--requests-per-second", min=0.0, help="0 keeps each venue's own limit.")
    ] = 0.0,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 if something was found.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write what was fetched as JSON.")] = False,
) -> None:
    """Fetch market data from exchanges into a folder of Parquet parts."""
    from risk.cli.oracle_series import refuse_findings, tell
    from risk.cli.progress import reporting
    from risk.market_data.manifest import earlier

    kinds = kind or ["candles"]
    gateways = _pairs(base_url or [])
    asked = _requests(venue, symbol, kinds, interval, since, until)
    _make(output)
    earlier(output)  # one that cannot be read is refused before the work
    with reporting({}) as report:
        fetched, books, failures = _fetch_all(asked, gateways, requests_per_second, output, report)
    manifest = _manifest(output, fetched)
    findings = [finding for series in fetched for finding in series.findings]
    if as_json:
        typer.echo(_json(manifest, books, asked, findings), nl=False)
    else:
        _print(fetched, books)
        tell(findings)
    for failure in failures[1:]:
        typer.echo(f"breakwater: error: {failure}", err=True)
    if failures:
        raise failures[0]
    refuse_findings(findings, strict)


def _make(folder: Path) -> None:
    from abis.errors import InputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot write into '{folder}': {error.strerror}.", remedy="Name a folder with --output."
        ) from error


def _requests(
    venues: Sequence[str], symbols: Sequence[str], kinds: Sequence[str], interval: str, since: str, until: str
) -> list[tuple[str, str, Request | None]]:
    """Return ``(venue, symbol, request)``; the request of an order book is None.

    Raises
    ------
    InputError
        If a kind is unknown or does not fit the symbol, or a time cannot be read.
    """
    from abis.errors import InputError
    from risk.market_data.fetch import Request
    from risk.market_data.kinds import KINDS
    from risk.market_data.parts import Series

    out: list[tuple[str, str, Request | None]] = []
    for name in kinds:
        if name not in (*KINDS, BOOK):
            raise InputError(f"'{name}' is no kind of data.", remedy=f"Choose {', '.join(KINDS)} or {BOOK}.")
        if name != BOOK and not since:
            raise InputError(f"{name} need a period.", remedy="Give --since 2025-12-01.")
        for venue in dict.fromkeys(venues):
            for symbol in dict.fromkeys(symbols):
                if name == BOOK:
                    out.append((venue, symbol, None))
                    continue
                if KINDS[name].perpetual and ":" not in symbol:
                    raise InputError(
                        f"{symbol} is spot and has no {name}.", remedy="Write a perpetual: BTC/USDT:USDT."
                    )
                series = Series(venue, symbol, name, interval if KINDS[name].on_grid else "")
                out.append((venue, symbol, Request(series, _moment(since), _moment(until))))
    return out


def _moment(text: str) -> int:
    """Return a time as unix seconds, now where nothing was said; UTC where no zone is; none before 1970."""
    from datetime import UTC, datetime

    from abis.errors import InputError

    if not text:
        return int(datetime.now(UTC).timestamp())
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"'{text}' is no time.", remedy="Write 2025-12-01 or 2025-12-01T12:00Z.") from None
    second = int((stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp())
    if second < 0:
        raise InputError(f"'{text}' is before 1970.", remedy="Write 2025-12-01 or 2025-12-01T12:00Z.")
    return second


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    from abis.errors import InputError

    for text in texts:
        if not all(text.partition("=")):
            raise InputError("--base-url is no choice.", remedy="Write it VENUE=https://host.")
    return {text.partition("=")[0]: text.partition("=")[2] for text in texts}


def _fetch_all(
    asked: Sequence[tuple[str, str, Request | None]],
    gateways: dict[str, str],
    rate: float,
    output: Path,
    report: Report,
) -> tuple[list[Fetched], list[str], list[BreakwaterError]]:
    """Fetch everything; what one venue refuses does not stop the others."""
    from abis.errors import ExchangeUnreachable, InputError
    from risk.market_data.fetch import fetch
    from risk.market_data.venue import open_venue

    fetched: list[Fetched] = []
    books: list[str] = []
    failures: list[BreakwaterError] = []
    opened: dict[tuple[str, bool], Venue] = {}
    for name, symbol, request in asked:
        key = (name, ":" in symbol)
        try:
            if key not in opened:
                opened[key] = open_venue(
                    name, perpetual=key[1], base_url=gateways.get(name), requests_per_second=rate
                )
            if request is None:
                books.append(_book(opened[key], symbol, output))
            else:
                fetched.append(fetch(opened[key], request, output, report))
        except (InputError, ExchangeUnreachable) as error:
            failures.append(error)
    return fetched, books, failures


def _book(venue: Venue, symbol: str, output: Path) -> str:
    """Fetch one order book into a part named by its time; return the part's path."""
    from risk.market_data.kinds import fetch_book
    from risk.market_data.parts import Series, part_name, write_part

    book = fetch_book(venue, symbol)
    series = Series(venue.name, symbol, BOOK, "")
    at_s = int(book["time"].iloc[0].timestamp()) if len(book) else venue.exchange.seconds()
    path = series.folder(output) / part_name(at_s)
    write_part(path, book, series, (at_s * 1000, at_s * 1000))
    return path.relative_to(output).as_posix()


def _manifest(output: Path, fetched: Sequence[Fetched]) -> dict[str, Any]:
    from risk.market_data.manifest import write_manifest

    return write_manifest(output, fetched)


def _json(
    manifest: dict[str, Any],
    books: Sequence[str],
    asked: Sequence[tuple[str, str, Request | None]],
    findings: Sequence[Finding],
) -> str:
    from risk.cli.envelope import envelope

    inputs = [
        {"series": request.series.label, "since_s": request.since_s, "until_s": request.until_s}
        if request
        else {"series": f"{venue} {symbol} {BOOK}"}
        for venue, symbol, request in asked
    ]
    data = {"series": manifest["series"], "books": list(books)}
    units = {"rows": "1", "faulty_rows": "1", "since_s": "unix seconds", "until_s": "unix seconds"}
    return envelope(SCHEMA, data, inputs={"requests": inputs}, units=units, findings=findings)


def _print(fetched: Sequence[Fetched], books: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if fetched:
        table = Table("series", "rows", "set apart", "parts fetched", "parts kept")
        for f in fetched:
            counts = (f.rows, f.faulty_rows, f.parts_made, f.parts_kept)
            table.add_row(Text(f.series.label), *(f"{n:,}" for n in counts))
        Console().print(table)
    for path in books:
        typer.echo(path)
