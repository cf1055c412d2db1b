"""``make bench``: runs every ``bench_*.py``, prints a table, writes ``out/bench.json``.

Each module offers ``rows() -> list of dict`` with the keys of `KEYS`.  Results are compared
first (``results_equal``); a ratio means nothing if they differ.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

KEYS = ("name", "size", "seconds", "baseline", "baseline_seconds", "ratio", "results_equal", "cores")
HERE = Path(__file__).resolve().parent


def _names() -> list[str]:
    return sorted(p.stem.removeprefix("bench_") for p in HERE.glob("bench_*.py"))


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title=f"Benchmarks, {os.cpu_count()} cores")
    for key in KEYS:
        table.add_column(key, justify="left" if key in ("name", "size", "baseline") else "right")
    for row in rows:
        table.add_row(*(f"{row[k]:.3g}" if isinstance(row[k], float) else str(row[k]) for k in KEYS))
    return table


def main() -> int:
    """Run the benchmarks; exit code 1 if any result differs from its baseline's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=_names(), help="run one benchmark")
    only = parser.parse_args().only
    rows: list[dict[str, Any]] = []
    for name in [only] if only else _names():
        print(f"running {name} ...", file=sys.stderr)
        rows += [{k: row[k] for k in KEYS} for row in import_module(f"benchmarks.bench_{name}").rows()]
    out = Path("out")
    out.mkdir(exist_ok=True)
    (out / "bench.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    Console().print(_table(rows))
    print(f"wrote {out / 'bench.json'}", file=sys.stderr)
    return 0 if all(row["results_equal"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
