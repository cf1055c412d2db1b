"""Converts two published account lists into files ``breakwater import`` reads.

The lists hold accounts with stETH on Aave v2 and wstETH on Aave v3 (Ethereum, 20 June 2023;
lidofinance/aave-liquidation-model at a44561e9).  Only accounts whose legs explain their
reported totals are taken::

    python examples/import_lido_accounts.py DATA_FOLDER OUT_FOLDER
    breakwater import OUT_FOLDER/v2/*.csv -o v2 --market-file OUT_FOLDER/v2/market.toml
    breakwater import OUT_FOLDER/v3/*.csv -o v3 --market-file OUT_FOLDER/v3/market.toml

Prices, thresholds and reported values come from the lists.  What they do not hold is taken
from the sources named in the code and becomes an assumption in the snapshot's findings.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

STEM = "positions/lido_steth_aave_{release}_2023_06_20_{table}.parquet"
ROUNDS = "oracle/chainlink_rounds_ethereum_2022_01_to_2024_01.parquet"
RESERVES = "params/aave_pool_reports_reserves.parquet"
EMODES = "params/aave_pool_reports_emodes.parquet"
REPORT = "aave_v3_ethereum_2023_10_31_weth_parameters_before"

# The ETH price of the v3 list is the Chainlink round of this time; the v2 list names no time.
STATE_TIME = "2023-06-20T14:56:47Z"

# LTVs solved from the accounts' reported average LTV: single-collateral accounts for the
# staked tokens, accounts with two collaterals for the others (within 3 bps, TUSD 10 bps).
V2_LTV_BPS = {"stETH": 7_200, "DAI": 7_500, "USDC": 8_000, "TUSD": 8_000}
V3_LTV_BPS = {"wstETH": 6_900, "rETH": 6_700, "cbETH": 6_700, "USDC": 7_700}

# DAI, USDC, TUSD: seized over repaid value of the last v2 liquidation calls until April 2022.
# stETH and FEI were never seized in them: the bonuses they were listed with.
V2_BONUS_BPS = {"DAI": 10_500, "USDC": 10_400, "TUSD": 10_500, "stETH": 10_750, "FEI": 10_650}


def convert_v2(data: Path, out: Path) -> None:
    """Write the v2 files: prices in ETH, parameters only where the accounts show them."""
    accounts, legs = _complete(data, "v2")
    prices, thresholds, decimals = _reserve_facts(legs, "price_eth")
    reserves = [
        {
            "symbol": symbol,
            "decimals": decimals[symbol],
            "price": repr(price),
            "ltv_bps": V2_LTV_BPS.get(symbol, 0),
            "liquidation_threshold_bps": thresholds.get(symbol, 0),
            "liquidation_bonus_bps": V2_BONUS_BPS.get(symbol, 0) if symbol in thresholds else 0,
        }
        for symbol, price in prices.items()
    ]
    _write(out / "reserves.csv", reserves)
    _write(out / "legs.csv", _leg_rows(legs))
    _write(out / "accounts.csv", _account_rows(accounts, "eth"))
    debt_only = ", ".join(s for s in prices if s not in thresholds)
    _write_market(
        out / "market.toml",
        {"name": "lido-steth-aave-v2", "version": "2.0", "chain_id": 1},
        {"symbol": "ETH", "decimals": 18, "usd": _eth_usd(data)},
        {
            "base currency": f"the ETH price is the Chainlink round of {STATE_TIME}; the list names no time.",
            "stETH, FEI": "the liquidation bonuses of 7.5 % and 6.5 % are those of their listing.",
            "DAI, USDC, TUSD": "the liquidation bonuses are those of liquidation calls until April 2022.",
            debt_only: "collateral parameters are not known; no account here uses them as collateral.",
        },
    )


def convert_v3(data: Path, out: Path) -> None:
    """Write the v3 files: prices in USD, e-mode by category, the rest as of October 2023."""
    accounts, legs = _complete(data, "v3")
    outside = set(accounts.loc[accounts.emode_category == 0, "account"])
    prices, thresholds, decimals = _reserve_facts(legs, "price_usd", outside)
    report = pd.read_parquet(data / RESERVES).query("report == @REPORT").set_index("symbol")
    reserves = []
    for symbol, price in prices.items():
        listed = report.loc[symbol]
        threshold = thresholds.get(symbol, int(listed.liquidation_threshold_bps))
        reserves.append(
            {
                "symbol": symbol,
                "asset": listed.asset_address,
                "decimals": decimals[symbol],
                "price": repr(price),
                "ltv_bps": V3_LTV_BPS.get(symbol, min(int(listed.ltv_bps), threshold)),
                "liquidation_threshold_bps": threshold,
                "liquidation_bonus_bps": int(listed.liquidation_bonus_bps),
                "liquidation_protocol_fee_bps": int(listed.liquidation_protocol_fee_bps),
                "reserve_factor_bps": int(listed.reserve_factor_bps),
                "emode_category": int(listed.emode_category),
            }
        )
    emode = pd.read_parquet(data / EMODES).query("report == @REPORT").iloc[0]
    columns = ("label", "ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps")
    _write(out / "reserves.csv", reserves)
    _write(out / "emodes.csv", [{"emode": int(emode.emode_category), **{c: emode[c] for c in columns}}])
    _write(out / "legs.csv", _leg_rows(legs))
    _write(out / "accounts.csv", _account_rows(accounts, "usd"))
    _write_market(
        out / "market.toml",
        {"name": "lido-wsteth-aave-v3", "version": "3.0", "chain_id": 1},
        {"symbol": "USD", "decimals": 8},
        {
            "all reserves": "bonus, protocol fee and reserve factor are those of October 2023.",
            "LUSD, USDT, WETH": "LTV and threshold are those of October 2023; nobody here supplies them.",
            "DAI": "the LTV of October 2023, at most its threshold of June 2023.",
        },
    )


def _complete(data: Path, release: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return accounts whose legs are complete, and their legs."""
    accounts = pd.read_parquet(data / STEM.format(release=release, table="accounts"))
    legs = pd.read_parquet(data / STEM.format(release=release, table="legs"))
    accounts = accounts[accounts.legs_complete]
    return accounts, legs[legs.account.isin(accounts.account)]


def _reserve_facts(
    legs: pd.DataFrame, price: str, accounts: set[str] | None = None
) -> tuple[dict[str, float], dict[str, int], dict[str, int]]:
    """Return price, threshold (of ``accounts`` only, if given) and decimals of each asset.

    Every asset has one price and one threshold in the lists; `ValueError` if not.
    """
    chosen = legs if accounts is None else legs[legs.account.isin(accounts)]
    columns = (legs[price], chosen.liquidation_threshold_bps.dropna(), legs.decimals)
    facts: list[dict[str, Any]] = []
    for column in columns:
        values = column.groupby(legs.asset).unique()
        for asset, found in values.items():
            if len(found) != 1:
                raise ValueError(f"{asset} has {len(found)} values of {column.name}: {list(found)}")
        facts.append({str(asset): found[0].item() for asset, found in values.items()})
    prices, thresholds, decimals = facts
    return prices, {k: int(v) for k, v in thresholds.items()}, decimals


def _leg_rows(legs: pd.DataFrame) -> Iterable[dict[str, Any]]:
    for leg in legs.itertuples():
        yield {
            "account": leg.account,
            "side": leg.side,
            "asset": leg.asset,
            "amount": repr(leg.amount_tokens),
        }


def _account_rows(accounts: pd.DataFrame, currency: str) -> Iterable[dict[str, Any]]:
    for account in accounts.to_dict("records"):
        yield {
            "account": account["account"],
            "emode": account.get("emode_category", 0),
            "health_factor": repr(account["health_factor"]),
            "total_collateral": repr(account[f"collateral_{currency}"]),
            "total_debt": repr(account[f"debt_{currency}"]),
        }


def _eth_usd(data: Path) -> str:
    """Return the ETH/USD answer in force at `STATE_TIME`, as exact decimal text."""
    rounds = pd.read_parquet(data / ROUNDS).query("feed == 'ETH/USD'")
    last = rounds[rounds.time <= pd.Timestamp(STATE_TIME)].sort_values("time").iloc[-1]
    digits = last.answer_raw.rjust(last.decimals + 1, "0")
    return f"{digits[: -last.decimals]}.{digits[-last.decimals :]}"


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_market(
    path: Path, market: Mapping[str, Any], base: Mapping[str, Any], assumptions: Mapping[str, str]
) -> None:
    def table(name: str, values: Mapping[str, Any]) -> str:
        # JSON strings and integers are TOML values.
        return "\n".join([name, *(f"{k} = {json.dumps(v)}" for k, v in values.items())])

    blocks = [
        table("[market]", market),
        f"[block]\ntime = {STATE_TIME}",
        table("[base_currency]", base),
        *(table("[[assumptions]]", {"subject": s, "message": m}) for s, m in assumptions.items()),
    ]
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Convert both lists."""
    if len(arguments) != 2:
        sys.exit("usage: python examples/import_lido_accounts.py DATA_FOLDER OUT_FOLDER")
    data, out = map(Path, arguments)
    convert_v2(data, out / "v2")
    convert_v3(data, out / "v3")


if __name__ == "__main__":
    main(sys.argv[1:])
