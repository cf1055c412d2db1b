"""The tree shown in the documentation is what its command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.localchain.adapters import OracleWorld
from examples.oracle_trace import let_days_pass, trace

pytestmark = pytest.mark.chain

DOCUMENT = Path(__file__).parents[2] / "docs" / "oracle-trace.md"
OPTIONS = ["--asset", "wstETH", "--asset", "USDe", "--asset", "PT-sUSDe"]


def test_the_documented_tree_is_printed(
    oracle_chain: OracleWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DOCUMENT.read_text("utf-8")
    assert f"`python -m examples.oracle_trace {' '.join(OPTIONS)}`" in text
    let_days_pass(oracle_chain)
    with pytest.raises(SystemExit) as stop:
        trace(oracle_chain, OPTIONS)
    out, err = capsys.readouterr()
    assert stop.value.code in (0, None)
    assert f"```\n{out.rstrip()}\n```" in text
    assert "0 findings" in err
