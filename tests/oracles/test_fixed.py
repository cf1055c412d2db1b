"""Prices somebody wrote down."""

from __future__ import annotations

import pytest

from abis.errors import FeedError
from oracles.fixed import STETH_TO_ETH, FixedPrice
from tests.oracles.seen import seen


def test_a_constant_stays_whatever_happens_and_says_so() -> None:
    assert STETH_TO_ETH.answers(seen(time_s=[0, 10**9])).tolist() == [[10**18, 10**18]]
    assert FixedPrice(36, 10**36).answers(seen()).tolist() == [[10**36]]
    (finding,) = FixedPrice(8, 10**8).findings()
    assert finding.subject == "fixed price of 1"
    assert "bad debt" in finding.message
    with pytest.raises(FeedError, match="fixed price of -1"):
        FixedPrice(8, -1)
