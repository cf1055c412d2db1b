"""The sentences and key figures a reader sees first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from risk.report.headline import headline, scenario_words, tiles
from risk.report.reverse import ReverseRow
from risk.report.review import Review


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("ETH -30%", "A 30 % fall of ETH"),
        ("LINK +80%", "An 80 % rise of LINK"),
        ("wstETH/WETH -7.5%", "A 7.5 % fall of wstETH against WETH"),
        ("market -40%", "A 40 % fall of the market factor"),
        ("WBTC -25%, WETH -30%", "Scenario WBTC -25%, WETH -30%"),
        ("2021-05-19", "Scenario 2021-05-19"),
    ],
)
def test_a_scenario_in_words(scenario: str, words: str) -> None:
    assert scenario_words(scenario) == words


def test_the_headline_says_where_how_much_and_what_if(review: Review) -> None:
    first, single, pair = headline(review)
    assert first == (
        "At block 24,000,000 the market holds $55.4M of collateral against $36.8M of debt by 27 borrowers."
    )
    assert single.startswith("A 30 % fall of ETH makes $1.12M of debt (7 accounts) liquidatable and leaves")
    assert single.endswith("of bad debt (INFINITE DEPTH ASSUMED).")
    assert pair.startswith("A 5 % fall of wstETH against WETH makes $22.5M")


def test_an_imported_book_without_block_names_its_time(review: Review) -> None:
    imported = replace(review, market=replace(review.market, block_number=0))
    assert headline(imported)[0].startswith("At 2026-03-10 11:20 UTC the market")


def test_a_stated_cover_gets_a_sentence_and_a_tile(review: Review) -> None:
    inputs = replace(review.inputs, cover_usd=1e6)
    row = ReverseRow("market", "fall", -0.35, -0.95, 1.1e6, True, "USDC", 9e5)
    found = replace(review, inputs=inputs, reverse=(row,))
    assert headline(found)[-1] == (
        "A 35 % fall of the market factor is the smallest move that exhausts the cover of $1.00M "
        "(INFINITE DEPTH ASSUMED)."
    )
    assert (tiles(found)[-1].value, tiles(found)[-1].detail) == ("−35 %", "market")
    none = replace(found, reverse=(replace(row, move_share=None),))
    assert headline(none)[-1].startswith("No single move searched exhausts the cover of $1.00M")
    assert tiles(none)[-1].value == "–"


def test_loss_free_shocks_read_as_words(review: Review) -> None:
    calm = replace(review, reference=replace(review.reference, eligible_accounts=0))
    assert headline(calm)[1] == "A 30 % fall of ETH makes no account liquidatable."
    solvent = replace(review, reference=replace(review.reference, bad_debt_usd=0.0))
    assert "leaves no bad debt" in headline(solvent)[1]
