"""`Explanation`: what happened to one account in one scenario, for a person to follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from risk.report.formats import INFINITE_DEPTH, label

CAUSES = ("dislocation", "excess", "bonus")  # of avoidable loss


@dataclass(frozen=True, slots=True)
class Leg:
    """One entry of the account in the snapshot.

    ``side`` is ``collateral`` or ``debt``; ``price_usd`` the snapshot's oracle price of a whole
    token; ``counted`` whether the collateral backs debt.
    """

    side: str
    asset: str
    tokens: float
    price_usd: float
    threshold: float = 0.0
    counted: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class Moment:
    """One time of the path.

    Parameters
    ----------
    time_s : float
        From the snapshot.
    oracle_usd, market_usd, fair_usd : tuple of float
        USD per whole token, one a leg.
    health_oracle, health_fair : float
        Health factor before liquidators act, at oracle and at fair prices.
    health_after : float
        At oracle prices, after them.
    tokens_after : tuple of float
        Balance of each leg after them.
    calls : DataFrame
        The calls on the account.
    calls_of_others : int
        Calls on other accounts at the same time; their sales come first or after.
    """

    time_s: float
    oracle_usd: tuple[float, ...]
    market_usd: tuple[float, ...]
    fair_usd: tuple[float, ...]
    health_oracle: float
    health_fair: float
    health_after: float
    tokens_after: tuple[float, ...]
    calls: pd.DataFrame
    calls_of_others: int


@dataclass(frozen=True, eq=False, slots=True)
class Explanation:
    """An account through a scenario; it prints itself.

    Parameters
    ----------
    account, scenario : str
    legs : tuple of Leg
        The position in the snapshot.
    liquidatable_below : float
        Health factor below which calls succeed.
    moments : tuple of Moment
    infinite_depth : bool
        True if sales were assumed to move no price.
    """

    account: str
    scenario: str
    legs: tuple[Leg, ...]
    liquidatable_below: float
    moments: tuple[Moment, ...]
    infinite_depth: bool

    def frame(self) -> pd.DataFrame:
        """Return one row a moment: health factors, prices and balances of each leg, calls."""
        rows = []
        for m in self.moments:
            row: dict[str, float] = {
                "time_s": m.time_s,
                "health_oracle": m.health_oracle,
                "health_fair": m.health_fair,
                "health_after": m.health_after,
                "calls": len(m.calls),
                "calls_of_others": m.calls_of_others,
            }
            for k, leg in enumerate(self.legs):
                name = f"{leg.side} {leg.asset}"
                row[f"{name} oracle_usd"], row[f"{name} market_usd"] = m.oracle_usd[k], m.market_usd[k]
                row[f"{name} fair_usd"], row[f"{name} tokens"] = m.fair_usd[k], m.tokens_after[k]
            rows.append(row)
        return pd.DataFrame(rows)

    def calls(self) -> pd.DataFrame:
        """Return every call on the account, in order."""
        return pd.concat([m.calls for m in self.moments], ignore_index=True)

    def __repr__(self) -> str:
        lines = [f"Account {label(self.account)} in scenario '{label(self.scenario)}'", *self._position()]
        for k in self._telling():
            lines += self._told(self.moments[k])
        return "\n".join([*lines, *self._end()])

    def _position(self) -> list[str]:
        lines = []
        for leg in self.legs:
            verb = "holds" if leg.side == "collateral" else "owes"
            note = f", threshold {leg.threshold:.2%}" if leg.side == "collateral" else ""
            note = note if leg.counted else ", backs no debt"
            value = _usd(leg.tokens * leg.price_usd)
            lines.append(f"  {verb} {_tokens(leg.tokens)} {label(leg.asset)} ({value}{note})")
        return lines

    def _telling(self) -> list[int]:
        """Return the moments worth telling: start, end, lowest health, crossings and calls."""
        health = np.array([m.health_oracle for m in self.moments])
        below = health < self.liquidatable_below
        crossed = np.flatnonzero(np.diff(below.astype(int)) != 0) + 1
        called = [k for k, m in enumerate(self.moments) if len(m.calls)]
        return sorted({0, len(health) - 1, int(np.argmin(health)), *crossed.tolist(), *called})

    def _told(self, m: Moment) -> list[str]:
        state = "liquidatable" if m.health_oracle < self.liquidatable_below else "healthy"
        lines = [
            f"At {_time(m.time_s)}: health factor {_ratio(m.health_oracle)} at oracle prices, "
            f"{_ratio(m.health_fair)} at fair prices: {state}."
        ]
        for leg, oracle, market, fair in zip(self.legs, m.oracle_usd, m.market_usd, m.fair_usd, strict=True):
            now = f"  {label(leg.asset)}: oracle {_usd(oracle)} ({_change(oracle, leg.price_usd)})"
            lines.append(f"{now}, market {_usd(market)}, fair {_usd(fair)}")
        lines += [_call(row) for _, row in m.calls.iterrows()]
        if state == "liquidatable" and m.calls.empty:
            lines.append("  nobody liquidates: no call pays, or the reserves are closed to calls")
        return lines

    def _end(self) -> list[str]:
        last = self.moments[-1]
        left = [
            f"{_tokens(tokens)} {label(leg.asset)} {leg.side}"
            for leg, tokens in zip(self.legs, last.tokens_after, strict=True)
        ]
        calls = self.calls()
        loss = sum(float(calls[f"loss_{cause}_usd"].sum()) for cause in CAUSES)
        lines = [f"At the end: health factor {_ratio(last.health_after)}; {', '.join(left)}."]
        lines.append(f"Calls: {len(calls)}. Avoidable loss: {_usd(loss)}.")
        return [*lines, INFINITE_DEPTH] if self.infinite_depth else lines


def _call(row: pd.Series) -> str:
    repaid, seized = (
        f"{_tokens(row[f'{what}_tokens'])} {label(str(row[asset]))} ({_usd(row[f'{what}_usd'])})"
        for what, asset in (("repaid", "debt"), ("seized", "collateral"))
    )
    losses = ", ".join(f"{cause} {_usd(row[f'loss_{cause}_usd'])}" for cause in CAUSES)
    toxic = "; the call lowered the health factor" if row["toxic"] else ""
    fate = "kept as receipt tokens worth" if row["kept"] else "sold for"
    deficit = f"; {_usd(row['deficit_usd'])} of debt burned as deficit" if row["deficit_usd"] > 0 else ""
    return (
        f"  call: repays {repaid}, seizes {seized}, {fate} {_usd(row['proceeds_usd'])}, liquidator earns "
        f"{_usd(row['profit_usd'])}; health factor {_ratio(row['health_before'])} to "
        f"{_ratio(row['health_after'])}; avoidable loss: {losses}{deficit}{toxic}"
    )


def _usd(value: float) -> str:
    return f"${value:,.2f}"


def _tokens(value: float) -> str:
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def _ratio(value: float) -> str:
    return "none (no debt)" if np.isinf(value) else f"{value:.4f}"


def _time(seconds: float) -> str:
    return f"{seconds / 3_600:g} h" if seconds >= 3_600 else f"{seconds:g} s"


def _change(now: float, then: float) -> str:
    return f"{now / then - 1:+.2%}" if then > 0 else "no price in the snapshot"
