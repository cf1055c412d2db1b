"""The forum post: complete, readable, and nothing of a name but its characters."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from risk.proposal.dossier import Dossier
from risk.proposal.post import pictures, post
from risk.proposal.report import page
from tests.risk.proposal.pages import hostile, plain

_BAR = re.compile(r"(?<!\\)\|")


def _text(dossier: Dossier) -> str:
    return post(dossier, page(dossier))


def test_it_has_the_parts_of_a_proposal_in_order() -> None:
    text = _text(plain())
    heads = re.findall(r"^## (.*)$", text, re.M)
    assert heads == [
        "Simple Summary",
        "Motivation",
        "Specification",
        "Rules",
        "Evidence",
        "User notice",
        "References",
        "Assumptions and disclaimer",
        "Appendix: how the figures are computed",
    ]
    assert "| 83.00 % | 80.00 % | down 3.00 points |" in text
    assert "| 60,000 | 70,000 | up 16.7 % |" in text
    assert "INFINITE DEPTH ASSUMED" in text
    assert len(text) < 32_000  # the usual limit of a Discourse post


def test_front_matter_is_one_value_a_line() -> None:
    for dossier in (plain(), hostile()):
        _, head, _ = _text(dossier).split("---\n", 2)
        fields = dict(line.split(": ", 1) for line in head.splitlines())
        assert json.loads(fields["title"]) == page(dossier).title
        assert json.loads(fields["block"]) == dossier.market.block.number
        assert "evil" not in fields
        assert all(json.loads(value) != "" for value in fields.values())


def test_every_picture_it_shows_is_written_and_the_other_way_round() -> None:
    laid_out = page(plain())
    shown = re.findall(r"!\[[^\]]*\]\((pictures/[a-z0-9-]+\.svg)\)", post(plain(), laid_out))
    made = pictures(laid_out)
    assert sorted(shown) == sorted(made)
    assert {"pictures/stress.svg", "pictures/positions.svg", "pictures/largest-borrower.svg"} <= set(made)


@pytest.mark.parametrize("which", ["plain", "hostile"])
def test_every_row_of_a_table_has_the_cells_of_its_head(which: str) -> None:
    text = _text({"plain": plain, "hostile": hostile}[which]())
    tables = [b.splitlines() for b in text.split("\n\n") if b.startswith("|")]
    assert len(tables) > 10
    for lines in tables:
        assert len({len(_BAR.findall(line)) for line in lines}) == 1, lines[0][:200]


def test_hostile_names_are_inert() -> None:
    text = _text(hostile())
    body = text.split("---\n", 2)[2]
    outside = re.sub(r"!\[(?:\\.|[^\]\\])*\]\(pictures/[a-z0-9-]+\.svg\)", "", re.sub(r"`[^`\n]*`", "", body))
    assert not re.search(r"(?<!\\)[<\[\]]", outside)
    assert "http://" not in outside
    assert "@all" not in outside
    assert not re.search(r"^# h", body, re.M)
    assert "\u202e" not in text
    assert "A" * 500 not in text
    for row in (line for line in text.splitlines() if line.startswith("|")):
        for cell in _BAR.split(row):
            assert not cell.strip().lstrip("`").startswith(("=", "+", "@", "-cmd")), cell[:80]


def test_who_is_one_unit_below_1_does_not_read_as_1() -> None:
    from risk.proposal.report_book import health
    from risk.report import formats

    assert formats.health(health(10**18 - 1)) == "0.999"
    assert formats.health(health(10**18)) == "1.000"


def test_a_refusal_is_told_first() -> None:
    from risk.proposal.check import Check, Verdict

    refusal = Check("LTV at most the threshold", "WETH", Verdict.FAIL, "9000 and 8000 bps", "configurator")
    dossier = replace(plain(), checks=(refusal,))
    assert "The configurator would refuse it: WETH: LTV at most the threshold" in _text(dossier)


_PROBE = """
import hashlib
from risk.proposal.published import published
from tests.risk.proposal.pages import plain
files = published(plain())
print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())
"""


@pytest.mark.verify
def test_time_zone_locale_hash_seed_and_threads_change_no_byte() -> None:
    found = set()
    for zone, locale, seed, threads in (("UTC", "C", "1", "1"), ("Asia/Tokyo", "tr_TR.UTF-8", "2", "2")):
        machine = {"TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed, "NUMBA_NUM_THREADS": threads}
        run = subprocess.run(
            [sys.executable, "-c", _PROBE],
            env={**os.environ, **machine},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(run.stdout)
    assert len(found) == 1
