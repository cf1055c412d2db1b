"""Two real account lists of 20 June 2023, imported through the command line."""

from __future__ import annotations

import re
import runpy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abis.findings import FindingKind, Severity
from protocols.exact import exact_rules
from protocols.snapshot import Snapshot
from protocols.store import load
from risk.cli.main import main

pytestmark = pytest.mark.real_data

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "import_lido_accounts.py"
ACCOUNTS = {"v2": 606, "v3": 334}
LEGS = {"v2": 1307, "v3": 731}
# Largest and median relative error of the health factor: the lists' own rounding, and for v3
# values and totals read at slightly different blocks.
LARGEST = {"v2": 1e-3, "v3": 1e-3}
MEDIAN = {"v2": 1e-6, "v3": 2e-4}


@pytest.fixture(scope="module")
def imported(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Snapshot]:
    out = tmp_path_factory.mktemp("lido")
    runpy.run_path(str(SCRIPT))["main"]([str(data_dir), str(out)])
    for release in ACCOUNTS:
        folder = out / release
        files = sorted(map(str, folder.glob("*.csv")))
        with pytest.raises(SystemExit) as stop:
            main(
                [
                    "import",
                    *files,
                    "-o",
                    str(folder / "s"),
                    "--market-file",
                    str(folder / "market.toml"),
                    "--strict",
                ]
            )
        assert not stop.value.code
    return {release: load(out / release / "s") for release in ACCOUNTS}


def source(data_dir: Path, release: str, table: str) -> pd.DataFrame:
    return pd.read_parquet(data_dir / f"positions/lido_steth_aave_{release}_2023_06_20_{table}.parquet")


@pytest.mark.parametrize("release", ACCOUNTS)
def test_every_complete_account_and_leg_arrives(
    release: str, imported: Mapping[str, Snapshot], data_dir: Path
) -> None:
    snapshot = imported[release]
    assert len(snapshot.book) == ACCOUNTS[release]
    assert len(snapshot.book.collateral.reserve) + len(snapshot.book.debt.reserve) == LEGS[release]
    assert not any(f.severity >= Severity.MEDIUM for f in snapshot.findings)
    assert any(f.kind is FindingKind.UNVERIFIED for f in snapshot.findings)
    legs = source(data_dir, release, "legs")
    legs = legs[legs.account.isin([a.lower() for a in snapshot.book.accounts])]
    unit = float(snapshot.base.usd)
    value = legs.groupby("side")["value_eth" if release == "v2" else "value_usd"].sum() * unit
    assert snapshot.collateral_usd.sum() == pytest.approx(value["collateral"], rel=1e-9)
    assert snapshot.debt_usd.sum() == pytest.approx(value["debt"], rel=1e-9)


@pytest.mark.parametrize("release", ACCOUNTS)
def test_thresholds_come_from_reserve_and_category_as_the_list_has_them(
    release: str, imported: Mapping[str, Snapshot], data_dir: Path
) -> None:
    snapshot = imported[release]
    legs = source(data_dir, release, "legs").query("side == 'collateral'")
    listed = {
        (row.account, row.asset): int(row.liquidation_threshold_bps)
        for row in legs.dropna(subset=["liquidation_threshold_bps"]).itertuples()
    }
    collateral, book = snapshot.book.collateral, snapshot.book
    for k, account in enumerate(collateral.account):
        symbol = snapshot.reserves[collateral.reserve[k]].symbol
        assert collateral.threshold_bps[k] == listed[book.accounts[account].lower(), symbol]


@pytest.mark.parametrize("release", ACCOUNTS)
def test_health_factors_agree_with_the_reported_ones(
    release: str, imported: Mapping[str, Snapshot], data_dir: Path
) -> None:
    snapshot = imported[release]
    rules = exact_rules(snapshot.rules)
    reported = source(data_dir, release, "accounts").set_index("account").health_factor
    computed = [
        rules.account_data(snapshot.position(i), snapshot.rules).health_factor / 1e18
        for i in range(len(snapshot.book))
    ]
    expected = reported[[a.lower() for a in snapshot.book.accounts]].to_numpy()
    error = np.abs(np.array(computed) / expected - 1)
    print(f"{release}: {len(error)} accounts, largest {error.max():.2e}, median {np.median(error):.2e}")
    assert error.max() < LARGEST[release]
    assert np.median(error) < MEDIAN[release]


@pytest.mark.parametrize("release", ACCOUNTS)
def test_the_import_reports_the_same_figures(release: str, imported: Mapping[str, Snapshot]) -> None:
    summary = next(f.message for f in imported[release].findings if f.subject == "reconciliation")
    found = re.search(r"of (\d+) accounts .* reported (\S+), median (\S+), (\d+) above", summary)
    assert found
    assert int(found[1]) == ACCOUNTS[release]
    assert float(found[2]) < LARGEST[release]
    assert float(found[3]) < MEDIAN[release]
    assert int(found[4]) == 0
