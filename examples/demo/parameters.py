"""Read the demo market's table of parameters."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from examples.localchain.spec import EModeSpec, FeedSpec, MarketSpec, RateSpec, ReserveSpec

TABLE = Path(__file__).with_name("parameters.toml")


def read_parameters(path: Path = TABLE) -> MarketSpec:
    """Return the market of a parameter table; the table's head gives source and units."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return MarketSpec(
        market_id=table["market_id"],
        emodes=tuple(EModeSpec(**emode) for emode in table["emode"]),
        reserves=tuple(_reserve(reserve) for reserve in table["reserve"]),
    )


def read_as_of(path: Path = TABLE) -> int:
    """Return the Unix time of a parameter table's figures."""
    return int(datetime.fromisoformat(tomllib.loads(path.read_text(encoding="utf-8"))["as_of"]).timestamp())


def _reserve(raw: dict[str, Any]) -> ReserveSpec:
    rate, feed = RateSpec(**raw.pop("rate")), FeedSpec(**raw.pop("feed"))
    return ReserveSpec(**raw, rate=rate, feed=feed)
