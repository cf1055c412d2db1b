"""Numbers and names as a person reads them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.report import formats

FINITE = st.floats(min_value=-1e16, max_value=1e16, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "$0"),
        (-0.0, "$0"),
        (0.004, "<$0.01"),
        (0.5, "$0.50"),
        (7.891, "$7.89"),
        (999.4, "$999"),
        (999.6, "$1.00k"),
        (999_600.0, "$1.00M"),
        (1_234_567.0, "$1.23M"),
        (55_432_100_000.0, "$55.4B"),
        (-1_200_000.0, "−$1.20M"),
        (3.2e15, "$3,200T"),
        (None, "–"),
    ],
)
def test_usd_carries_three_figures(value: float | None, text: str) -> None:
    assert formats.usd(value) == text


@given(FINITE.filter(lambda v: abs(v) >= 1))
def test_scaled_is_within_half_a_unit_of_its_last_figure(value: float) -> None:
    """RPT-1: a number shown with three figures is within half a unit of the third."""
    text = formats.scaled(value)
    factor = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1.0)
    read = float(text.strip("kMBT").replace(",", "").replace(formats.MINUS, "-")) * factor
    assert math.isclose(read, value, rel_tol=0.00501)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0 %"),
        (1.0, "100.0 %"),
        (0.99999, ">99.9 %"),
        (0.0001, "<0.1 %"),
        (-0.0001, ">−0.1 %"),
        (-0.25, "−25.0 %"),
        (0.12345, "12.3 %"),
        (12.0, "1,200.0 %"),
    ],
)
def test_a_share_rounds_something_neither_to_nothing_nor_to_all(value: float, text: str) -> None:
    assert formats.share(value) == text


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_a_proper_share_never_reads_nothing_or_all(value: float) -> None:
    """RPT-2: a share strictly between nothing and all never reads 0 % or 100 %."""
    assert formats.share(value) not in ("0.0 %", "100.0 %")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.9996, "0.999"), (1.0, "1.000"), (0.9999999, "0.999"), (1.239, "1.23"), (250.0, ">100"), (None, "–")],
)
def test_health_is_cut_not_rounded_up(value: float | None, text: str) -> None:
    assert formats.health(value) == text


@given(st.floats(min_value=0, max_value=1, exclude_max=True))
def test_an_unhealthy_account_never_reads_one(value: float) -> None:
    """RPT-3: a health factor below 1 never reads 1."""
    assert float(formats.health(value)) < 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 s"), (59, "59 s"), (4_800, "1 h 20 min"), (86_400, "1 d"), (90_061, "1 d 1 h"), (None, "–")],
)
def test_seconds_show_two_units(value: float | None, text: str) -> None:
    assert formats.seconds(value) == text


def test_utc_does_not_depend_on_the_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        assert formats.utc(1_773_141_600) == "2026-03-10 11:20 UTC"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("timestamp", [0, None, -5, 10**15])
def test_a_time_no_calendar_holds_is_absent(timestamp: int | None) -> None:
    assert formats.utc(timestamp) == formats.ABSENT


@pytest.mark.parametrize("payload", ["=cmd()", "+1", "-1", "@SUM(A1)"])
def test_a_label_is_no_spreadsheet_formula(payload: str) -> None:
    assert formats.label(payload) == f"'{payload}"


@given(st.text(max_size=200))
def test_a_label_is_one_visible_encodable_line(text: str) -> None:
    """RPT-4: any text becomes one short visible line of valid Unicode that is no formula."""
    shown = formats.label(text)
    assert len(shown) <= 64
    assert not set(shown) & set("\n\r\t\x00\u202e\u200b\u2028")
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert not shown.startswith(("=", "+", "-", "@"))


def test_a_lone_surrogate_becomes_visible() -> None:
    assert formats.label("a\ud800b") == "a�b"


@pytest.mark.parametrize(
    ("value", "text"), [(8250, "82.5 %"), (9_550, "95.5 %"), (-50, "−0.5 %"), (1, "0.01 %")]
)
def test_bps_show_as_percent(value: float, text: str) -> None:
    assert formats.bps(value) == text


@pytest.mark.parametrize(("value", "text"), [(-0.3, "−30 %"), (0.125, "+12.5 %"), (0.0, "0 %")])
def test_a_change_has_its_sign(value: float, text: str) -> None:
    assert formats.change(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2000.0, "$2,000.0"), (70_000.0, "$70,000"), (0.9991, "$0.99910"), (0.0, "$0")]
)
def test_a_price_carries_five_figures(value: float, text: str) -> None:
    assert formats.price(value) == text
