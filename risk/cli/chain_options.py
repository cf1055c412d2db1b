"""The options that say which market is read, where from and how hard; shared by the commands that read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_BLOCK = "Number, latest, safe or finalized (default: finalized, on a local chain latest)."

MarketName = Annotated[
    str,
    typer.Argument(
        help="A market's name (aave-v3-ethereum), aave-v3:0xPoolAddressesProvider or aave-v2:0xLendingPool."
    ),
]
RpcUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--rpc",
        help="URL of a JSON-RPC node of the market's chain; give several for failover.",
        envvar="ETH_RPC_URL",
        show_default=False,
    ),
]
BlockChoice = Annotated[str, typer.Option("--block", help=_BLOCK, show_default=False)]
LastBlock = Annotated[str, typer.Option("--to-block", help=_BLOCK, show_default=False)]
RegistryFile = Annotated[
    Path | None,
    typer.Option("--registry", envvar="BREAKWATER_MARKETS", help="TOML file with markets of your own."),
]
CrossCheck = Annotated[
    bool, typer.Option("--cross-check", help="Read everything from the second --rpc too, and compare.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Remember nothing and use nothing kept.")]
Concurrency = Annotated[int, typer.Option(help="Requests under way at a time.", min=1, max=64)]
RequestsPerSecond = Annotated[float, typer.Option(help="Rate limit of each endpoint; 0 for none.", min=0.0)]
