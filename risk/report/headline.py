"""The sentences and key figures a reader sees first."""

from __future__ import annotations

import re

from risk.report import formats
from risk.report.findings import LOSS_SHARE, MATERIAL_USD
from risk.report.page import Tile
from risk.report.review import Review
from risk.report.stress import ScenarioRow
from risk.scenarios.families import MARKET

_ONE_MOVE = re.compile(r"(.*) ([+-])([0-9.]+)%", re.DOTALL)


def headline(review: Review) -> tuple[str, ...]:
    """Return the review in a few sentences."""
    m = review.market
    sentences = [
        f"{when(review)} the market holds {formats.usd(m.collateral_usd)} of collateral against "
        f"{formats.usd(m.debt_usd)} of debt by {formats.plural(m.borrowers, 'borrower')}.",
        _scenario_sentence(review.reference, review.infinite_depth),
    ]
    pair = next((n.row for n in review.named if n.row.group == "pair"), None)
    if pair is not None and pair.eligible_debt_usd > review.reference.eligible_debt_usd:
        sentences.append(_scenario_sentence(pair, review.infinite_depth))
    if review.inputs.cover_usd is not None:
        sentences.append(_cover_sentence(review))
    return tuple(sentences)


def when(review: Review) -> str:
    """Return ``At block 24,000,000``, or the time where an imported book names no block."""
    m = review.market
    return f"At block {m.block_number:,}" if m.block_number else f"At {formats.utc(m.block_time_s)}"


def scenario_words(scenario: str) -> str:
    """Return a scenario's name as words: ``A 30 % fall of ETH`` where it is a single move."""
    name = formats.label(scenario)
    match = _ONE_MOVE.fullmatch(name)
    if match is None or "," in match[1]:
        return f"Scenario {name}"
    subject, sign, size = match.groups()
    what = "the market factor" if subject == MARKET else subject.replace("/", " against ")
    return f"{_article(size)} {size} % {'fall' if sign == '-' else 'rise'} of {what}"


def _article(size: str) -> str:
    whole = int(float(size))
    return "An" if whole in (8, 11, 18) or 80 <= whole < 90 else "A"


def _scenario_sentence(row: ScenarioRow, infinite_depth: bool) -> str:
    words = scenario_words(row.scenario)
    if not row.eligible_accounts:
        return f"{words} makes no account liquidatable."
    return (
        f"{words} makes {formats.usd(row.eligible_debt_usd)} of debt "
        f"({formats.plural(row.eligible_accounts, 'account')}) liquidatable and leaves "
        f"{_bad_debt(row.bad_debt_usd)}{depth_note(infinite_depth)}."
    )


def _bad_debt(value_usd: float) -> str:
    return f"{formats.usd(value_usd)} of bad debt" if value_usd > 0 else "no bad debt"


def _cover_sentence(review: Review) -> str:
    cover = formats.usd(review.inputs.cover_usd)
    row = next(iter(review.reverse), None)
    if row is None or row.move_share is None:
        return f"No single move searched exhausts the cover of {cover}{depth_note(review.infinite_depth)}."
    what = "the market factor" if row.subject == MARKET else formats.label(row.subject)
    size = f"{abs(row.move_share) * 100:.0f}"
    return (
        f"{_article(size)} {size} % {row.direction} of {what} is the smallest move that exhausts the cover "
        f"of {cover}{depth_note(review.infinite_depth)}."
    )


def depth_note(infinite_depth: bool) -> str:
    """Return the note behind a number that rests on infinite depth, empty otherwise."""
    return f" ({formats.INFINITE_DEPTH})" if infinite_depth else ""


def tiles(review: Review) -> tuple[Tile, ...]:
    """Return the key figures."""
    m, ref = review.market, review.reference
    near = [r for r in review.distance if r.to_share is not None and r.to_share <= 0.05]
    near_debt = sum(r.debt_usd for r in near) + m.liquidatable_debt_usd
    name = formats.label(ref.scenario)
    two = review.borrowers[:2]
    return (
        _completeness(review),
        Tile(
            "Liquidatable now",
            formats.usd(m.liquidatable_debt_usd),
            formats.plural(m.liquidatable_accounts, "account"),
            _tone(m.liquidatable_debt_usd, m.debt_usd),
        ),
        Tile("Within 5 % of liquidation", formats.usd(near_debt), _of_debt(near_debt, m.debt_usd)),
        Tile(
            "Two largest borrowers",
            formats.usd(sum(r.debt_usd for r in two)),
            _of_debt(sum(r.debt_usd for r in two), m.debt_usd),
        ),
        Tile(
            f"Liquidatable at {name}",
            formats.usd(ref.eligible_debt_usd),
            formats.plural(ref.eligible_accounts, "account"),
        ),
        Tile(
            f"Bad debt at {name}",
            formats.usd(ref.bad_debt_usd),
            _of_debt(ref.bad_debt_usd, m.debt_usd),
            _tone(ref.bad_debt_usd, m.debt_usd),
            depth=True,
        ),
        Tile(
            f"Avoidable borrower loss at {name}",
            formats.usd(ref.avoidable_loss_usd),
            f"{formats.share(ref.avoidable_loss_usd / ref.repaid_usd)} of the debt repaid"
            if ref.repaid_usd > 0
            else "nothing repaid",
            depth=True,
        ),
        *([_cover(review)] if review.inputs.cover_usd is not None else []),
    )


def _of_debt(value_usd: float, debt_usd: float) -> str:
    return f"{formats.share(value_usd / debt_usd if debt_usd else 0.0)} of debt"


def _cover(review: Review) -> Tile:
    name = f"Exhausts the cover of {formats.usd(review.inputs.cover_usd)}"
    row = next(iter(review.reverse), None)
    if row is None or row.move_share is None:
        return Tile(name, formats.ABSENT, "no move searched", depth=True)
    return Tile(name, formats.change(row.move_share), formats.label(row.subject), depth=True)


def _tone(loss_usd: float, debt_usd: float) -> str:
    if loss_usd < MATERIAL_USD:
        return "plain"
    return "bad" if loss_usd >= LOSS_SHARE * debt_usd else "watch"


def _completeness(review: Review) -> Tile:
    shares = [s for s in (review.completeness.supply_share, review.completeness.debt_share) if s is not None]
    if not shares:
        return Tile("Completeness of the book", "not checked", "no token totals", "watch")
    least = min(shares)
    detail = (
        f"supply {formats.share(review.completeness.supply_share)}, "
        f"debt {formats.share(review.completeness.debt_share)}"
    )
    return Tile(
        "Completeness of the book", formats.share(least), detail, "good" if least > 0.999 else "watch"
    )
