"""A reader in a process of its own, to be killed; loaded once, so that each starts at once."""

from __future__ import annotations

import os
import sys
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess

# Loaded here, not in every reader.
import pandas  # noqa: F401
import pyarrow.parquet  # noqa: F401
import web3  # noqa: F401

import risk.report.formats  # noqa: F401
from risk.cli.main import main


def start(arguments: list[str], cache: str) -> ForkServerProcess:
    """Start ``breakwater`` with these arguments."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.reader"])
    process = context.Process(target=_run, args=(arguments, cache), daemon=True)
    process.start()
    return process


def _run(arguments: list[str], cache: str) -> None:
    os.environ["BREAKWATER_CACHE"] = cache
    sys.stderr = open(f"{cache}.err", "w")  # noqa: SIM115  closed with the process
    main(arguments)
