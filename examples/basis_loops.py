"""Builds a market of real loops on USDe and sUSDe for ``breakwater scenario basis``.

::

    python -m examples.basis_loops DATA_FOLDER OUT
    breakwater scenario basis OUT --funding BTC=-1.35%,ETH=3.18%

DATA_FOLDER holds the 1,000 largest borrowers of Aave v3 on Ethereum on 2 December 2025 (debts by reserve,
totals, health factor without e-mode; herculesArmy/aave_v3_risk at e2731083), rates of 23 October 2025
(FirstBML/Defi-Liquidation-Project at 241f58cf), Aave's parameters of July 2025 (bgd-labs/aave-helpers at
9350321d) and what Binance's perpetuals paid (Harthor/marketlab at dd3f7432).

Collateral is published as one total, so loops are told by what only they can be: an account that owes
dollars alone, whose collateral has a threshold of 75 % outside e-mode, and that owes more than those 75 %.
Of what has that threshold only USDe and sUSDe have an e-mode in which dollars can be borrowed.  Which of the
two is held cannot be told: all is taken as sUSDe.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from abis.findings import Finding, FindingKind, Severity
from abis.units import RAY
from protocols.change_rules import ChangeRules
from protocols.entries import CollateralEntry, DebtEntry, book_of
from protocols.releases import rules_of
from protocols.snapshot import BaseCurrency, Block, EMode, Market, RateModel, Reserve, Snapshot
from protocols.store import save

POSITIONS = "positions/aave_v3_ethereum_2025_12_02_top_1000_{table}.parquet"
RATES = "params/aave_v3_reserves_5_chains_2025_10_23.parquet"
REPORT = "params/pool_reports/aave_v3_ethereum_2025_07_03_snapshot.json.gz"
FUNDING = "perps/binance_perp_funding_2025_09_to_2026_01.parquet"
TIME = datetime(2025, 12, 2, 12, 30, tzinfo=UTC)
WEEK = ("2025-10-16", "2025-10-23")  # before the rates; 8 to 14 October are not in the data
DOLLARS = ("USDC", "USDT", "USDe", "USDtb", "USDS", "GHO", "DAI", "PYUSD", "RLUSD")
LISTED = ("sUSDe", "USDe", "USDC", "USDT", "USDtb")
EMODE = 2  # sUSDe Stablecoins
THRESHOLD, WITHIN, LARGEST_LTV, LEAST_SEEN = 0.75, 0.001, 0.92, 0.98
USD = 10**8
ASSUMED = {
    "collateral": "accounts are loops by threshold, debt and loan-to-value; which of USDe and sUSDe they "
    "hold is not published: all is taken as sUSDe.",
    "rates": "utilisation and rates are those of 23 October 2025, positions those of 2 December 2025.",
    "totals": "debt of a reserve is that of the 1,000 largest legs of the market.",
}


def loops(data: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return accounts that loop the token (`debt_usd`, `collateral_usd`) and their debt legs."""
    accounts = pd.read_parquet(data / POSITIONS.format(table="accounts")).set_index("account")
    legs = pd.read_parquet(data / POSITIONS.format(table="debt_legs"))
    seen = legs.groupby("account").debt_usd.sum().reindex(accounts.index, fill_value=0.0)
    dollars = legs.symbol.isin(DOLLARS).groupby(legs.account).all().reindex(accounts.index, fill_value=False)
    ltv = accounts.debt_usd / accounts.collateral_usd
    threshold = accounts.health_factor_source_without_emode * ltv
    chosen = (
        dollars.astype(bool)
        & (seen >= LEAST_SEEN * accounts.debt_usd)
        & ((threshold - THRESHOLD).abs() <= WITHIN)
        & (ltv > THRESHOLD)
        & (ltv < LARGEST_LTV)
    )
    picked = accounts[chosen].sort_index()
    return picked, legs[legs.account.isin(picked.index) & legs.symbol.isin(LISTED)]


def rate_models(data: Path) -> dict[str, tuple[RateModel, float]]:
    """Return each reserve's curve and utilisation on 23 October.

    Utilisation is what suppliers got over what borrowers paid, less the reserve factor; the first slope is
    the one that gives the rate at it; the rest of the curve is July's.
    """
    table = pd.read_parquet(data / RATES)
    rates = table[table.chain.str.lower() == "ethereum"].set_index("symbol")
    out = {}
    for symbol, (reserve, curve) in _report(data).items():
        paid = float(rates.variable_borrow_apr_fraction[symbol])
        if paid == 0.0:
            continue
        got = float(rates.supply_apr_fraction[symbol])
        used = got / paid / (1.0 - reserve["reserveFactor"] / 10_000)
        optimal, slope2 = int(curve["optimalUsageRatio"]), int(curve["variableRateSlope2"])
        if used > optimal / RAY:
            raise ValueError(f"{symbol} was used beyond its kink: its first slope cannot be told")
        out[symbol] = (RateModel(optimal, 0, round(paid * optimal / used), slope2), used)
    return out


def _report(data: Path) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    report = json.loads(gzip.decompress((data / REPORT).read_bytes()))
    found = {r["symbol"]: (r, report["strategies"][asset]) for asset, r in report["reserves"].items()}
    return {symbol: found[symbol] for symbol in LISTED}


def market(data: Path) -> Snapshot:
    """Return the loops as a market."""
    accounts, legs = loops(data)
    every = pd.read_parquet(data / POSITIONS.format(table="debt_legs"))
    price = every.groupby("symbol").price_usd.first()
    models = rate_models(data)
    reserves = []
    for n, (symbol, (listed, _)) in enumerate(_report(data).items()):
        usd = float(price[symbol]) if symbol in price else int(listed["oracleLatestAnswer"]) / USD
        owed = float(every.amount_tokens[every.symbol == symbol].sum())
        model, used = models.get(symbol, (None, 1.0))
        reserves.append(_reserve(n, symbol, listed, usd, owed, model, used))
    return _snapshot(reserves, accounts, legs)


def _reserve(
    n: int,
    symbol: str,
    listed: Mapping[str, Any],
    usd: float,
    owed: float,
    model: RateModel | None,
    used: float,
) -> Reserve:
    unit = 10 ** int(listed["decimals"])
    return Reserve(
        asset=listed["underlying"],
        symbol=symbol,
        decimals=int(listed["decimals"]),
        price_raw=round(usd * USD),
        ltv_bps=listed["ltv"],
        liquidation_threshold_bps=listed["liquidationThreshold"],
        liquidation_bonus_bps=listed["liquidationBonus"],
        reserve_factor_bps=listed["reserveFactor"],
        borrowing_enabled=model is not None,
        total_supply_raw=round(owed / used * unit),
        total_debt_raw=round(owed * unit),
        available_liquidity_raw=round(owed * (1.0 / used - 1.0) * unit),
        id=n,
        rate_model=model,
    )


def _snapshot(reserves: Sequence[Reserve], accounts: pd.DataFrame, legs: pd.DataFrame) -> Snapshot:
    place = {r.symbol: n for n, r in enumerate(reserves)}
    emode = EMode(
        EMODE, "sUSDe Stablecoins", 9_000, 9_200, 10_400, collateral=(0, 1), borrowable=(1, 2, 3, 4)
    )
    held = reserves[0]
    collateral = []
    for account, usd in accounts.collateral_usd.items():
        raw = round(usd * USD / held.price_raw * 10**held.decimals)
        collateral.append(
            CollateralEntry(
                str(account), 0, raw, raw, emode.liquidation_threshold_bps, emode.ltv_bps,
                emode.liquidation_bonus_bps, counted=True,
            )
        )  # fmt: skip
    debt = []
    for leg in legs.itertuples():
        raw = round(float(leg.amount_tokens) * 10 ** reserves[place[leg.symbol]].decimals)
        debt.append(DebtEntry(str(leg.account), place[leg.symbol], raw, raw))
    return Snapshot(
        market=Market("loops on USDe", "aave_v3", "3.5", 1),
        block=Block(0, "0x" + "00" * 32, int(TIME.timestamp())),
        base=BaseCurrency("USD", USD, Decimal(1)),
        rules=rules_of("aave", "3.5"),
        change_rules=ChangeRules(()),
        reserves=tuple(reserves),
        emodes=(emode,),
        book=book_of({str(a): EMODE for a in accounts.index}, collateral, debt),
        findings=tuple(
            Finding(FindingKind.UNVERIFIED, Severity.LOW, subject, text) for subject, text in ASSUMED.items()
        ),
    )


def funding(data: Path, since: str, until: str) -> dict[str, float]:
    """Return what BTC and ETH perpetuals paid a year over a time, until its end excluded."""
    rows = pd.read_parquet(data / FUNDING)
    rows = rows[(rows.time >= pd.Timestamp(since, tz="UTC")) & (rows.time < pd.Timestamp(until, tz="UTC"))]
    days = (pd.Timestamp(until) - pd.Timestamp(since)).days
    paid = rows.groupby("symbol").funding_rate_fraction.sum() * 365 / days
    return {coin: float(paid[f"{coin}USDT"]) for coin in ("BTC", "ETH")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example; 2 without both folders."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    data, out = map(Path, given)
    save(market(data), out)
    rates = ",".join(f"{c}={r:.2%}" for c, r in funding(data, *WEEK).items())
    print(f"--funding {rates}  # Binance, {WEEK[0]} to {WEEK[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
