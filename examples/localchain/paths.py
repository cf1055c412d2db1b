"""Where the npm packages and the cache of the local chain are."""

from __future__ import annotations

import platform
from pathlib import Path

from .errors import LocalChainMissing

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
PACKAGES = HERE / "node_modules"
CACHE = REPOSITORY / ".cache"
INSTALL_COMMAND = "python -m examples.localchain.install"

_SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}
_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def package_file(relative: str) -> Path:
    """Return a file inside the installed npm packages.

    Parameters
    ----------
    relative : str
        Path below ``node_modules``.

    Raises
    ------
    LocalChainMissing
        If it is not there.
    """
    path = PACKAGES / relative
    if not path.exists():
        raise LocalChainMissing(
            f"The npm package file {relative} is not installed.", remedy=f"Run `{INSTALL_COMMAND}`."
        )
    return path


def anvil_binary() -> Path:
    """Return the node's executable for this machine.

    Raises
    ------
    LocalChainMissing
        If it is not installed or not published for this machine.
    """
    system, machine = _SYSTEMS.get(platform.system()), _MACHINES.get(platform.machine())
    if system is None or machine is None:
        raise LocalChainMissing(
            f"No local node is published for {platform.system()} on {platform.machine()}.",
            remedy="Use Linux, macOS or Windows on x86-64 or arm64.",
        )
    suffix = ".exe" if system == "win32" else ""
    return package_file(f"@foundry-rs/anvil-{system}-{machine}/bin/anvil{suffix}")
