"""The same print twice: once false, once real.

A venue prints a token below what it stands for.  If the print is false, an oracle that follows it
liquidates borrowers who were solvent; if it is real, an oracle that stands still leaves debt without
collateral.  Nobody knows at the moment which it is, so both are reckoned on the same book: what is lost
(potential bad debt and avoidable loss) where the oracle follows and where it holds the price, and how
likely the print has to be real before following is the cheaper mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from protocols.snapshot import Snapshot
from risk.engine.arrays import FloatArray, IntArray
from risk.scenarios.build import VENUE, digest
from risk.scenarios.families import Tree, is_stable, link_of, tree_of
from risk.scenarios.scenarios import ScenarioBlock, Scenarios
from risk.scenarios.standard import RATIO_KINDS
from risk.solver.evaluate import Setting, together

# The last is what one venue printed of USDe on 10 October 2025, 0.65.
FALLS = (0.05, 0.1, 0.2, 0.35)
HOURS = 6  # over which the print comes, evenly; then it stands
_WORLDS = ("follows, false", "follows, real", "holds, real")


@dataclass(frozen=True, slots=True)
class Twin:
    """One print of one token, USD lost in each world; an oracle that holds at a false print loses nothing.

    Parameters
    ----------
    token : str
        With all that follows it.  Untrusted text.
    fall : float
        As a fraction.
    follows_false_usd, follows_real_usd, holds_real_usd : float
    """

    token: str
    fall: float
    follows_false_usd: float
    follows_real_usd: float
    holds_real_usd: float

    @property
    def break_even(self) -> float | None:
        """Return the probability that the print is real below which holding the price loses less.

        ``p (H_real - F_real) = (1 - p) F_false``.  1 where holding never loses more, 0 where following
        never does, None where neither loses a dollar.
        """
        late, wrong = max(self.holds_real_usd - self.follows_real_usd, 0.0), self.follows_false_usd
        return wrong / (wrong + late) if wrong + late >= 1.0 else None


def twins(setting: Setting, chosen: IntArray, falls: Sequence[float] = FALLS) -> tuple[Twin, ...]:
    """Return every print of every token that is supplied and can part from what it stands for.

    Parameters
    ----------
    setting : Setting
    chosen : (R,) int64
        The parameters in force.
    falls : sequence of float
        Fractions, in (0, 1).

    Notes
    -----
    Amounts are the sweep's, all else at the snapshot's prices and debts as they are; what is lost today
    without any print is not counted.
    """
    prints = [(name, move, fall) for name, move in _tokens(setting.snapshot) for fall in falls]
    if not prints:
        return ()
    replayed = replace(setting, scenarios=_scenarios(setting.snapshot, prints), oracles=None, known=None)
    swept = together(replayed, chosen, 0.0)
    lost = swept.bad_debt_usd + swept.avoidable_usd
    worlds = np.maximum(lost[1:] - lost[0], 0.0).reshape(len(prints), len(_WORLDS))
    return tuple(Twin(name, fall, *row) for (name, _, fall), row in zip(prints, worlds.tolist(), strict=True))


def _tokens(snapshot: Snapshot) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield stablecoins and tokens with a ratio, and which reserves move with each, (A,) bool."""
    tree = tree_of(snapshot)
    supplied = np.unique(snapshot.book.collateral.reserve[snapshot.collateral_usd > 0]).tolist()
    for name in dict.fromkeys(_node(tree, i) for i in supplied):
        if name is not None:
            yield name, tree.holds(name)


def _node(tree: Tree, reserve: int) -> str | None:
    names = tree.chains[reserve]
    link = link_of(names[0])
    if len(names) > 1 and link is not None and link.kind in RATIO_KINDS:
        return names[0]
    return names[-1] if is_stable(names[-1]) else None


def _scenarios(snapshot: Snapshot, prints: Sequence[tuple[str, NDArray[np.bool_], float]]) -> Scenarios:
    """Return today, then each print in its three worlds; the market's price is what the oracle reads."""
    still = np.ones((HOURS + 1, len(snapshot.reserves)))
    market, fair, names = [still], [still], ["today"]
    come = np.arange(HOURS + 1) / HOURS
    for name, move, fall in prints:
        fallen: FloatArray = np.where(move, 1.0 - fall * come[:, None], 1.0)
        market += [fallen, fallen, still]
        fair += [still, fallen, fallen]
        names += [f"{name} -{fall:.0%}, {world}" for world in _WORLDS]
    read, worth = (np.array(x) * snapshot.price_usd for x in (market, fair))

    def produce(start: int, stop: int) -> ScenarioBlock:
        return ScenarioBlock(start, read[start:stop, :, None, :], worth[start:stop])

    return Scenarios(
        names=tuple(names),
        groups=("twin",) * len(names),
        assets=snapshot.asset_names,
        venues=(VENUE,),
        time_s=np.arange(HOURS + 1, dtype=np.float64) * 3600.0,
        weight=np.ones(len(names)),
        seed=None,
        sha256=digest({"kind": "twins", "names": names, "assets": snapshot.asset_names}, read, worth),
        produce=produce,
    )
