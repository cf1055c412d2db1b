"""June 2022: stETH trades below ETH; the feed follows, a constant would not have."""

from __future__ import annotations

import numpy as np
import pandas as pd

from examples.incidents.record import NO_DATA, Incident, Row, data_folder, one

ROUNDS = "oracle/chainlink_rounds_ethereum_2022_01_to_2024_01.parquet"
DEVIATION, HEARTBEAT_S, SLACK_S = 0.02, 86_400, 300


def replay() -> Incident:
    """Hold the feed's real rounds of June 2022 against its two triggers and the press."""
    folder = data_folder()
    lowest = explained = total = None
    note = NO_DATA
    if folder is not None:
        lowest, explained, total = _rounds(pd.read_parquet(folder / ROUNDS))
        note = "every round of 10 to 24 June moved by 2 % or came after a day of silence"
    return Incident(
        date="2022-06",
        title="stETH below ETH",
        source="Nansen and press on the low; Chainlink's stETH/ETH rounds on Ethereum",
        lesson="A real discount passes through the feed with up to 2 % and a day of delay. The constant that "
        "replaced it in June 2023 would have hidden all of it: no liquidation, and bad debt had it stayed.",
        rows=(
            Row("lowest stETH/ETH answer", (0.92, 0.937), lowest, "ETH", "" if folder else note),
            Row(
                "rounds explained by deviation or heartbeat",
                None if total is None else one(float(total)),
                None if explained is None else float(explained),
                "rounds",
                note,
            ),
            Row(
                "health an ETH borrower needed before, at least",
                None,
                None if lowest is None else 1 / lowest,
                "",
                "collateral in stETH, debt in ETH, whatever the threshold",
            ),
            Row(
                "discount a constant 1.0 hides",
                None,
                None if lowest is None else (1 - lowest) * 100,
                "%",
            ),
        ),
        assumed="Market prices of the Curve pool are not at hand; the feed's own rounds are the path.",
    )


def _rounds(table: pd.DataFrame) -> tuple[float, int, int]:
    """Return the lowest answer of June 2022, rounds either trigger explains, and how many there were."""
    own = table[table.feed == "stETH/ETH"].sort_values("time")
    june = own[(own.time >= "2022-06-10") & (own.time < "2022-06-25")]
    before = own[own.time < june.time.iloc[0]].iloc[-1:]
    path = pd.concat([before, june])
    price = path.price_in_quote.to_numpy()
    seconds = path.time.diff().dt.total_seconds().to_numpy()[1:]
    moved = np.abs(np.diff(price)) / price[:-1] >= DEVIATION
    silent = np.abs(seconds - HEARTBEAT_S) <= SLACK_S
    return float(june.price_in_quote.min()), int((moved | silent).sum()), len(june)
