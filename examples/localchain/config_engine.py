"""Deploy Aave's config engine beside a v3.6 market, compiled of the source Aave publishes.

The engine is delegated to by a contract that may configure the market: here a few bytes of
code at an address of its own, which pass on whatever call they get.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from typing import Any

from .artifacts import aave_v36
from .chain import LocalChain
from .compile import artifacts_of, run_compiler, sources_of
from .contracts import Artifact, Contract
from .market import Market
from .market_parts import ADMIN, TREASURY
from .paths import CACHE, HERE

_LIBRARIES = (
    *("ListingEngine", "EModeEngine", "BorrowEngine", "CollateralEngine"),
    *("PriceFeedEngine", "RateEngine", "CapsEngine"),
)
_FOLDER = "extensions/v3-config-engine"
_CONTRACTS = (f"{_FOLDER}/AaveV3ConfigEngine", *(f"{_FOLDER}/libraries/{name}" for name in _LIBRARIES))


def deploy_config_engine(chain: LocalChain, market: Market) -> Contract:
    """Deploy the engine and its libraries for a v3.6 market.

    Parameters
    ----------
    chain : LocalChain
        A local chain with an empty queue.
    market : Market
        The market it configures.

    Returns
    -------
    Contract
        The engine.

    Raises
    ------
    LocalChainMissing
        If node, the compiler or Aave's package is absent.
    """
    libraries = tuple(chain.deploy(ADMIN, _artifact(name)).address for name in _LIBRARIES)
    a_token = chain.deploy(ADMIN, aave_v36("ATokenInstance"), market.pool.address, ADMIN, TREASURY)
    debt = chain.deploy(ADMIN, aave_v36("VariableDebtTokenInstance"), market.pool.address, ADMIN)
    strategy = next(iter(market.reserves.values())).rate_strategy
    # The engine refuses a zero address of rewards, which no update here uses.
    constants = (
        *(market.pool.address, market.configurator.address, market.oracle.address),
        *(ADMIN, TREASURY, strategy.address),
    )
    arguments = (a_token.address, debt.address, constants, libraries)
    engine = chain.deploy(ADMIN, _artifact("AaveV3ConfigEngine"), *arguments)
    chain.mine()
    return engine


@functools.cache
def _artifact(name: str) -> Artifact:
    raw = _compiled()[name]
    return Artifact(name, raw["abi"], raw["bytecode"], {})


@functools.cache
def _compiled() -> dict[str, Any]:
    """Return the compiled contracts, compiled now (about a quarter of a minute) if the cache lacks them."""
    request = sources_of(_CONTRACTS)
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes())
    digest.update(json.dumps(request["settings"], sort_keys=True).encode())
    path = CACHE / "contracts" / f"config-engine-{digest.hexdigest()[:16]}.json"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(artifacts_of(run_compiler(request))))
        unfinished.replace(path)
    contracts: dict[str, Any] = json.loads(path.read_text())
    return contracts
