"""``python -m examples.validation``: ours beside the source's; writes docs/validation.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from examples.incidents.record import data_folder
from examples.validation import closed_forms, counterexamples, events
from examples.validation.backtest import Fit, backtest
from examples.validation.target import Target

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation.md"
TARGETS, BACKTEST = "<!-- targets: written by `make validation` -->", "<!-- back-test -->"
END = "<!-- end -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute every target; 1 if ``--strict`` and one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="write JSON to standard output, no page")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a target is missed")
    options = parser.parse_args(arguments)
    targets = list(_computed())
    folder = data_folder()
    fits = list(backtest(folder)) if folder else None
    if options.json:
        rows = [asdict(t) | {"met": t.met} for t in targets]
        back = None if fits is None else [asdict(f) for f in fits]
        print(json.dumps({"targets": rows, "backtest": back}, indent=1))
    else:
        _write(targets, fits)
    missed = [t for t in targets if not t.met]
    print(f"{len(targets)} targets, {len(missed)} missed.", file=sys.stderr)
    return int(options.strict and bool(missed))


def _computed() -> list[Target]:
    found: list[Target] = []
    for module in (closed_forms, counterexamples, events):
        print(f"==> {(module.__doc__ or '').splitlines()[0]}", file=sys.stderr)
        found += module.targets()
    return found


def _write(targets: Sequence[Target], fits: Sequence[Fit] | None) -> None:
    text = _between(PAGE.read_text(encoding="utf-8"), TARGETS, _target_table(targets))
    if fits is None:
        print("the back-test needs real calls and candles: set BREAKWATER_TEST_DATA", file=sys.stderr)
    else:
        text = _between(text, BACKTEST, _backtest_table(fits))
    PAGE.write_text(text, encoding="utf-8")
    print(_target_table(targets))


def _between(text: str, begin: str, table: str) -> str:
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(END)
    return f"{head}{begin}\n\n{table}\n\n{END}{tail}"


def _target_table(targets: Sequence[Target]) -> str:
    lines = [
        "| id | figure | source | stated | ours | unit | difference | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for t in targets:
        cells = (
            t.id,
            t.what,
            t.source,
            t.stated.replace("..", " – "),
            f"{t.ours:.6g}",
            t.unit,
            t.difference(),
            t.note,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _backtest_table(fits: Sequence[Fit]) -> str:
    lines = [
        "| debt | price by | calls | median distance, bps | 95 %, bps | median error, bps | within 100 bps |",
        "|---|---|---|---|---|---|---|",
    ]
    for f in fits:
        numbers = f"{f.median_bps:.0f} | {f.p95_bps:.0f} | {f.bias_bps:+.0f} | {f.inside:.0%}"
        lines.append(f"| {f.debt} | {f.model} | {f.calls} | {numbers} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
