"""``python -m examples.proposal``: run the commands of README.md and keep what a forum would see.

The market is the made-up one of ``examples/import``; no chain is needed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COMMANDS = (
    (
        *("import", "examples/import/accounts.csv", "examples/import/emodes.csv"),
        *("examples/import/legs.csv", "examples/import/reserves.csv"),
        *("--market-file", "examples/import/market.toml", "-o", "{out}/snapshot"),
    ),
    (
        *("propose", "{out}/snapshot"),
        *("--set", "WETH.liquidation_threshold=78%", "--set", "WETH.ltv=74%"),
        *("--set", "wstETH.supply_cap=25"),
        *("--depth", "examples/proposal/depth.csv"),
        *("--title", "Lower the threshold of WETH and cap wstETH", "--author", "an example"),
        *("--motivation", "examples/proposal/motivation.txt"),
        *("--max-age", "100000", "-o", "{out}/proposal"),
    ),
    ("verify", "{out}/proposal"),
)
KEPT = ("post.md", "affected.csv", "pictures")


def run(out: Path, commands: Sequence[Sequence[str]] = COMMANDS) -> Path:
    """Run the commands into ``out`` and return the bundle's folder.

    Raises
    ------
    CalledProcessError
        If one fails.
    """
    for command in commands:
        given = [part.replace("{out}", str(out)) for part in command]
        subprocess.run([sys.executable, "-m", "risk.cli.main", *given], cwd=ROOT, check=True)
    return out / "proposal"


def main() -> None:
    """Write what the commands lead to next to this file."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = run(Path(folder))
        for name in KEPT:
            source, target = bundle / name, HERE / name
            if source.is_dir():
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)


if __name__ == "__main__":
    main()
