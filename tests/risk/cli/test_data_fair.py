"""``breakwater data fair``: one voice a venue, one asset a price."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from risk.cli.main import main
from risk.market_data.parts import Series, part_name, write_part

START_S = 1_764_547_200


def venue(root: Path, name: str, symbol: str, closes: list[float]) -> None:
    times = pd.to_datetime(START_S + 300 * np.arange(len(closes)), unit="s", utc=True).as_unit("us")
    series = Series(name, symbol, "candles", "5m")
    rows = pd.DataFrame({"time": times, "close": closes})
    write_part(series.folder(root) / part_name(START_S), rows, series, (START_S * 1000, START_S * 1000))


def fair(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(["data", "fair", *(str(a) for a in arguments)])
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_symbols_of_different_assets_make_no_price(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        venue(tmp_path / "in", name, "BTC/USDT", [90_000.0])
        venue(tmp_path / "in", name, "ETH/USDT", [3_000.0])
    both = ("--symbol", "BTC/USDT", "--symbol", "ETH/USDT")
    code, _, err = fair(capsys, tmp_path / "in", *both, "--output", tmp_path / "f.parquet")
    assert (code, "symbols of BTC, ETH have no common price" in err) == (2, True)


def test_a_venue_with_several_symbols_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, output = tmp_path / "in", tmp_path / "f.parquet"
    for symbol, close in (("BTC/USD", 66.0), ("BTC/USDT", 66.0), ("BTC/USDC", 66.0)):
        venue(root, "a", symbol, [close])
    venue(root, "b", "BTC/USDT", [100.0])
    three = ("--symbol", "BTC/USDT", "--symbol", "BTC/USD", "--symbol", "BTC/USDC")
    code, _, err = fair(capsys, root, *three, "--output", output)
    assert (code, "2 venues (a BTC/USDT, b BTC/USDT) make no fair price" in err) == (2, True)
    venue(root, "c", "BTC/USD", [101.0])
    code, out, err = fair(capsys, root, *three, "--output", output, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["data"]["venues"] == ["a BTC/USDT", "b BTC/USDT", "c BTC/USD"]
    assert pd.read_parquet(output)["close"].tolist() == [100.5]
    assert any("quotes USD, USDT are taken as one" in f["message"] for f in told["findings"])


def test_a_folder_is_no_file_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = fair(capsys, tmp_path, "--symbol", "BTC/USDT", "--output", tmp_path, "--force")
    assert (code, "is a folder" in err) == (2, True)
