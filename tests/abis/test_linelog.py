from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from abis.linelog import append, records

RECORDS = st.lists(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20), max_size=3), max_size=6
)


@given(written=RECORDS, later=RECORDS, share=st.floats(0, 1))
def test_rpc_2_a_file_cut_anywhere_keeps_its_whole_records_and_can_be_continued(
    written: list[dict[str, Any]], later: list[dict[str, Any]], share: float
) -> None:
    """RPC-2: a record file cut at any byte reads as a prefix of what was written, and goes on."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a" / "log"
        for record in written:
            append(path, record)
        assert list(records(path)) == written
        whole = path.read_bytes() if written else b""
        if written:
            path.write_bytes(whole[: round(share * len(whole))])
        kept = list(records(path))
        assert kept == written[: len(kept)]
        for record in later:
            append(path, record)
        assert list(records(path)) == kept + later


@given(noise=st.binary(max_size=300))
def test_noise_is_no_record(noise: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(noise)
        assert list(records(path)) == []


def test_a_missing_file_has_no_records_and_files_are_private(tmp_path: Path) -> None:
    path = tmp_path / "x" / "log"
    assert list(records(path)) == []
    append(path, {"a": 1})
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
