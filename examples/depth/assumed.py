"""Writes ``assumed_demo_depth.csv``: an assumption, not a measurement.

Each asset loses 2 % on average when the size of `TWO_PERCENT_MUSD` is sold, and the loss grows
with the square root of the size, the shape found for large orders (Donier and Bonart,
arXiv 1412.4503).  Prices are those of the demo market.

``python -m examples.depth.assumed``
"""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Millions of USD sold at 2 % average loss; round figures chosen for the demo.
TWO_PERCENT_MUSD = {
    "WETH": 60,
    "wstETH": 40,
    "weETH": 25,
    "WBTC": 30,
    "cbBTC": 25,
    "LBTC": 8,
    "USDC": 150,
    "USDT": 150,
    "DAI": 50,
    "LINK": 4,
    "GHO": 10,
}
MULTIPLES = (0.0625, 0.25, 1, 4, 16, 64, 256)  # of that size; the last one loses 32 % on average


def main() -> None:
    """Write the table next to this file."""
    parameters = tomllib.loads((HERE.parent / "demo" / "parameters.toml").read_text(encoding="utf-8"))
    price_usd = {r["symbol"]: r["feed"]["price_raw"] / 1e8 for r in parameters["reserve"]}
    with (HERE / "assumed_demo_depth.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["asset", "size_tokens", "proceeds_usd", "time", "source"])
        for asset, millions in TWO_PERCENT_MUSD.items():
            source = f"ASSUMED: 2 % average loss at {millions}M USD, growing with the square root of size"
            for multiple in MULTIPLES:
                usd = millions * 1e6 * multiple
                got = usd * (1 - 0.02 * multiple**0.5)
                row = [asset, f"{usd / price_usd[asset]:.6f}", f"{got:.2f}", parameters["as_of"], source]
                writer.writerow(row)


if __name__ == "__main__":
    main()
