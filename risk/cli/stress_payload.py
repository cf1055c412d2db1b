"""What ``breakwater stress`` writes for machines: everything as JSON, or one table as CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from risk.attribution import Attribution
from risk.cli.envelope import envelope
from risk.cli.stress_runs import Results
from risk.depth import INFINITE_DEPTH
from risk.exposure import Exposure
from risk.figures import frame
from risk.outcome import LEDGER, Outcome
from risk.report.formats import label
from risk.sensitivity import Sensitivity
from risk.solver.cap_fill import frame as caps_frame
from risk.solver.new_position import frame as positions_frame

SCHEMA = "breakwater.stress/1"
_TEXT = ("scenario", "group")
_COUNTS = ("eligible_accounts",)


def to_json(found: Results, inputs: Mapping[str, Any]) -> str:
    """Return the envelope; infinite or undefined numbers are null."""
    data = {
        "infinite_depth": found.outcome.infinite_depth,
        "assets": list(found.outcome.assets),
        "emodes": list(found.outcome.emodes),
        "rows": _scenarios(found),
        "figures": _records(frame(found.figures)),
        "exposure": _exposure(found.exposure),
        "sensitivity": None if found.sensitivity is None else _sensitivity(found),
        "attribution": None if found.attribution is None else _attribution(found.attribution),
    }
    return envelope(SCHEMA, data, inputs=inputs, units=_units(found), findings=found.outcome.findings)


def to_csv(found: Results, table: str) -> str:
    """Return one of `risk.cli.stress_tables.TABLES` as CSV.

    Names of a user's scenarios hold symbols of tokens: shown so that no spreadsheet runs them.
    """
    rows = _tables(found)[table]
    texts = [c for c in rows.columns if rows[c].dtype == object or str(rows[c].dtype) in ("str", "string")]
    shown = rows.assign(**{c: [label(str(text), 1_000) for text in rows[c]] for c in texts})
    return str(shown.to_csv(index=False, lineterminator="\n"))


def ledger_rows(outcome: Outcome) -> pd.DataFrame:
    """Return the harm ledger: one row a scenario, side (``reserve`` or ``emode``) and name, USD."""
    parts = []
    for side, names, suffix in (("reserve", outcome.assets, ""), ("emode", outcome.emodes, "_emode")):
        n, width = len(outcome), len(names)
        columns: dict[str, Any] = {
            "scenario": np.repeat(np.array(outcome.names, dtype=object), width),
            "side": [side] * (n * width),
            "name": list(names) * n,
        }
        columns |= {f"{c}_usd": getattr(outcome, f"{c}{suffix}_usd").ravel() for c in LEDGER}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _tables(found: Results) -> dict[str, pd.DataFrame]:
    tables = {
        "scenarios": found.outcome.frame().assign(potential_bad_debt_usd=found.potential),
        "figures": frame(found.figures),
        "ledger": ledger_rows(found.outcome),
        "exposure": _exposure_rows(found.exposure),
    }
    if found.sensitivity is not None:
        tables["sensitivity"] = found.sensitivity.table.assign(
            reverses=[_reversed(found.sensitivity, v) for v in found.sensitivity.table["variant"]]
        )
    if found.attribution is not None:
        tables["attribution"] = found.attribution.frame()
    return tables


def _reversed(found: Sensitivity, variant: str) -> str:
    """Return the conclusions that do not hold in a variant."""
    rows = found.conclusions.to_dict(orient="records")
    return "; ".join(str(row["conclusion"]) for row in rows if variant in str(row["fails"]).split(", "))


def _scenarios(found: Results) -> list[dict[str, Any]]:
    outcome, rows = found.outcome, []
    for k, row in enumerate(outcome.frame().to_dict(orient="records")):
        first = float(outcome.first_liquidation_s[k])
        ledger = {f"{c}_by_asset": getattr(outcome, f"{c}_usd")[k].tolist() for c in LEDGER}
        ledger |= {f"{c}_by_emode": getattr(outcome, f"{c}_emode_usd")[k].tolist() for c in LEDGER}
        rows.append(
            {str(name): value for name, value in row.items()}
            | {
                "potential_bad_debt_usd": float(found.potential[k]),
                "liquidated_accounts": int(outcome.liquidated_accounts[k]),
                "first_liquidation_s": first if math.isfinite(first) else None,
                "weight": float(outcome.weight[k]),
            }
            | ledger
        )
    return rows


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows ready for JSON: numbers that are not finite become null."""

    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return [{str(k): plain(v) for k, v in row.items()} for row in table.to_dict(orient="records")]


def _exposure(found: Exposure) -> dict[str, Any]:
    return {
        "debt_usd": found.debt_usd,
        "borrow_power_usd": found.borrow_power_usd,
        "borrowers": found.borrowers,
        "top_1_share": found.top_1_share,
        "top_10_share": found.top_10_share,
        "herfindahl": found.herfindahl,
        "cover_two": asdict(found.cover_two),
        "cover_two_worst": None if found.cover_two_worst is None else asdict(found.cover_two_worst),
        "worst_scenario": found.worst,
        "cap_fill": _records(caps_frame(found.caps)),
        "cap_fill_families": _records(caps_frame(found.families)),
        "new_positions": _records(positions_frame(found.new_positions)),
    }


def _exposure_rows(found: Exposure) -> pd.DataFrame:
    """Return the exposure as test, subject, figure and unit."""
    rows: list[tuple[str, str, float, str]] = [
        ("debt", "all accounts", found.debt_usd, "USD"),
        ("borrow power", "all accounts", found.borrow_power_usd, "USD"),
        ("borrowers", "all accounts", float(found.borrowers), "accounts"),
        ("share of debt", "largest borrower", found.top_1_share, "share"),
        ("share of debt", "ten largest borrowers", found.top_10_share, "share"),
        ("Herfindahl index of debt", "all accounts", found.herfindahl, "share"),
        ("cover-2 shortfall", " and ".join(found.cover_two.accounts), found.cover_two.shortfall_usd, "USD"),
    ]
    if found.cover_two_worst is not None:
        shortfall = found.cover_two_worst.shortfall_usd
        rows.append(("cover-2 shortfall at the worst prices", found.worst, shortfall, "USD"))
    rows += [("cap fill", fill.subject, fill.loss_usd, "USD") for fill in found.caps]
    rows += [
        ("cap fill of a family", f"{f.subject}: {', '.join(f.members)}", f.loss_usd, "USD")
        for f in found.families
    ]
    rows += [
        (
            "new position liquidated within 7 days",
            f"{p.collateral} against {p.debt}{f', {p.emode}' if p.emode else ''}",
            p.empirical,
            "share of past windows",
        )
        for p in found.new_positions
        if p.empirical is not None
    ]
    return pd.DataFrame(rows, columns=["test", "subject", "figure", "unit"])


def _sensitivity(found: Results) -> dict[str, Any]:
    assert found.sensitivity is not None
    return {
        "variants": _records(found.sensitivity.table),
        "conclusions": _records(found.sensitivity.conclusions),
        "untouched": f"{INFINITE_DEPTH} for some reserves" if found.sensitivity.infinite_depth else None,
    }


def _attribution(found: Attribution) -> dict[str, Any]:
    return {
        "channels": list(found.channels),
        "absent": dict(found.absent),
        "mean": {amount: _records(found.mean(amount)) for amount in found.harm},
        "rows": [
            {
                "scenario": name,
                **{
                    amount: {
                        "harm": float(found.harm[amount][k]),
                        "rest": float(found.rest[amount][k]),
                        "alone": found.alone[amount][k].tolist(),
                        "shapley": found.shapley[amount][k].tolist(),
                    }
                    for amount in found.harm
                },
            }
            for k, name in enumerate(found.names)
        ],
    }


def _units(found: Results) -> dict[str, str]:
    columns = found.outcome.frame().columns
    units = {name: "count" if name in _COUNTS else _unit(name) for name in columns if name not in _TEXT}
    units |= {"potential_bad_debt_usd": "USD", "liquidated_accounts": "count", "first_liquidation_s": "s"}
    units |= dict.fromkeys((f"{c}_by_asset" for c in LEDGER), "USD, one an asset")
    units |= dict.fromkeys((f"{c}_by_emode" for c in LEDGER), "USD, one an e-mode row")
    units |= {"value": "as unit", "level": "share", "shapley": "USD, one a channel", "figure": "as unit"}
    return units


def _unit(name: str) -> str:
    return "USD × hours" if name.endswith("_usd_hours") else "USD"
