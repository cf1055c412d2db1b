"""Feed files: a fitted or configured feed as TOML, for commands that need one.

::

    schema = "breakwater.feed/1"
    description = "ETH / USD"
    decimals = 8
    deviation_ppb = 5000000     # parts per billion, 0.5 %
    heartbeat_s = 3600.0
    delay_s = [47.0]            # one is constant, several are drawn from
    [provenance]                # of deviation, heartbeat and delay: origin and source
    deviation = ["fitted", "1993 rounds from 2023-04-05 to 2023-05-31"]
    [view]                      # how to read one exchange's candles
    wick_weight = 0.5
    basis_bps = 2.5
    [[requests]]                # rounds by the clock
    period_s = 3600
    phase_s = 3282
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from abis.errors import MalformedFile
from oracles.candle_path import MarketView
from oracles.feed import ASSUMED, INT64_MAX, Delay, Origin, PriceFeed, Provenance, RequestSchedule

SCHEMA = "breakwater.feed/1"
_NEEDED = ("description", "decimals", "deviation_ppb", "heartbeat_s", "delay_s")
_OPTIONAL = (
    "schema",
    "observation_s",
    "delay_seed",
    "min_answer_raw",
    "max_answer_raw",
    "address",
    "provenance",
    "view",
    "requests",
)


def feed_text(feed: PriceFeed, view: MarketView) -> str:
    """Return the file's text."""
    lines = [
        f"schema = {json.dumps(SCHEMA)}",
        f"description = {_quoted(feed.description)}",
        f"decimals = {feed.decimals}",
        f"deviation_ppb = {feed.deviation_ppb}",
        f"heartbeat_s = {float(feed.heartbeat_s)!r}",
        f"delay_s = [{', '.join(repr(float(s)) for s in feed.delay.samples_s)}]",
        f"observation_s = {float(feed.delay.observation_s)!r}",
        f"delay_seed = {feed.delay.seed}",
        f"min_answer_raw = {_quoted(str(feed.min_answer_raw))}",
        f"max_answer_raw = {_quoted(str(feed.max_answer_raw))}",
        *([f"address = {_quoted(feed.address)}"] if feed.address else []),
        "",
        "[provenance]",
    ]
    for name, whence in _provenance(feed).items():
        lines.append(f"{name} = [{_quoted(whence.origin.value)}, {_quoted(whence.source)}]")
    lines += [
        "",
        "[view]",
        f"wick_weight = {float(view.wick_weight)!r}",
        f"basis_bps = {float(view.basis_bps)!r}",
    ]
    for request in feed.requests:
        lines += ["", "[[requests]]", f"period_s = {request.period_s}", f"phase_s = {request.phase_s}"]
    return "\n".join(lines) + "\n"


def read_feed(path: Path) -> tuple[PriceFeed, MarketView]:
    """Return the feed of a file, and how to read candles for it.

    Raises
    ------
    MalformedFile
        If it is missing, no TOML, has an unknown key or lacks one, or a value of a wrong type.
    FeedError
        If a setting is impossible.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MalformedFile(f"'{path.name}' cannot be read: {reason}.", remedy="Check the file.") from error
    _check_keys(path, table)
    try:
        return _feed(table), MarketView(**{k: float(v) for k, v in table.get("view", {}).items()})
    except (TypeError, KeyError, AttributeError) as error:
        raise _wrong(path, str(error)) from error
    except ValueError as error:
        if hasattr(error, "exit_code"):  # already says what is wrong and what to do
            raise
        raise _wrong(path, str(error)) from error


def _feed(table: dict[str, Any]) -> PriceFeed:
    whence = {name: Provenance(Origin(o), str(s)) for name, (o, s) in table.get("provenance", {}).items()}
    return PriceFeed(
        description=str(table["description"]),
        decimals=int(table["decimals"]),
        deviation_ppb=int(table["deviation_ppb"]),
        heartbeat_s=float(table["heartbeat_s"]),
        delay=Delay(
            tuple(float(s) for s in table["delay_s"]),
            observation_s=float(table.get("observation_s", 0.0)),
            seed=int(table.get("delay_seed", 0)),
        ),
        deviation_from=whence.get("deviation", ASSUMED),
        heartbeat_from=whence.get("heartbeat", ASSUMED),
        delay_from=whence.get("delay", ASSUMED),
        min_answer_raw=int(table.get("min_answer_raw", 1)),
        max_answer_raw=int(table.get("max_answer_raw", INT64_MAX)),
        requests=tuple(
            RequestSchedule(int(r["period_s"]), int(r["phase_s"])) for r in table.get("requests", [])
        ),
        address=table.get("address"),
    )


def _check_keys(path: Path, table: dict[str, Any]) -> None:
    if table.get("schema", SCHEMA) != SCHEMA:
        raise MalformedFile(f"'{path.name}' is {table['schema']!r}.", remedy=f"This version reads {SCHEMA}.")
    missing = [key for key in _NEEDED if key not in table]
    unknown = [key for key in table if key not in (*_NEEDED, *_OPTIONAL)]
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
        raise MalformedFile(f"'{path.name}' {what}.", remedy=f"Keys: {', '.join((*_NEEDED, *_OPTIONAL))}.")


def _wrong(path: Path, why: str) -> MalformedFile:
    return MalformedFile(
        f"'{path.name}' has a value that does not fit: {why}.", remedy="See docs/oracle-fit.md."
    )


def _provenance(feed: PriceFeed) -> dict[str, Provenance]:
    return {"deviation": feed.deviation_from, "heartbeat": feed.heartbeat_from, "delay": feed.delay_from}


def _quoted(text: str) -> str:
    """Return a TOML basic string: JSON's escapes are valid there, DEL aside."""
    whole = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
