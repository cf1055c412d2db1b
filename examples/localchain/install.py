"""``python -m examples.localchain.install``: the pinned npm packages, when the lock changed.

What is published as source only is compiled here too, once for each lock file, unless
``--no-compile`` is given: the demo market needs none of it.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from pathlib import Path

from abis.errors import BreakwaterError

from .compile import compile_v36
from .errors import LocalChainMissing
from .paths import HERE, PACKAGES
from .tied import tied_process

# Lifecycle scripts stay off: only data and one executable are used.  Peer dependencies
# would pull in whole build systems.  The node's executable is an optional package.
COMMAND = (
    "npm",
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--legacy-peer-deps",
    "--include=optional",
)
_INPUTS = ("package.json", "package-lock.json", ".npmrc", "unused/package.json")


def install(folder: Path = HERE) -> bool:
    """Install the packages of ``folder`` if they are absent or the lock changed.

    The stamp lies inside ``node_modules``: who removes the packages removes it too.

    Returns
    -------
    bool
        Whether anything was installed.

    Raises
    ------
    LocalChainMissing
        If npm is not there or fails.
    """
    stamp = folder / PACKAGES.name / ".breakwater-lock-sha256"
    wanted = _lock_hash(folder)
    if stamp.is_file() and stamp.read_text() == wanted:
        return False
    npm = shutil.which(COMMAND[0])
    if npm is None:
        raise LocalChainMissing(
            "npm is not installed.",
            remedy="Install Node.js 20 or newer with npm; only the local chain and the demo need it.",
        )
    _say(f"installing the local chain's packages: {' '.join(COMMAND)}")
    with tied_process([npm, *COMMAND[1:]], cwd=folder, stdout=sys.stderr.fileno()) as process:
        code = process.wait()
    if code != 0:
        raise LocalChainMissing(
            f"npm ended with exit code {code}.", remedy="Read its messages above, then run this again."
        )
    stamp.write_text(wanted)
    return True


def main() -> int:
    """Install and say what was done; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.localchain.install", description=__doc__)
    parser.add_argument("--no-compile", action="store_true", help="install the packages only")
    packages_only = parser.parse_args().no_compile
    try:
        installed = install()
        compiled = not packages_only and compile_v36(_say)
    except BreakwaterError as error:
        _say(f"error: {error}")
        return error.exit_code
    _say("the local chain is ready" if installed or compiled else "the local chain's packages are up to date")
    return 0


def _lock_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in _INPUTS:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
