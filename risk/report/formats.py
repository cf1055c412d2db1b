"""Numbers and names as a person reads them: no digits beyond what the data supports.

USD and token amounts carry three significant figures, shares one decimal, health factors
two (three next to 1, always rounded towards the unsafe side); counts are exact.  Nothing
depends on locale or time zone.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal

ABSENT = "–"
MINUS = "−"
INFINITE_DEPTH = "INFINITE DEPTH ASSUMED"

_SCALES = ("", "k", "M", "B", "T")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_MAX_LABEL = 64


def scaled(value: float, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` significant figures and a k, M, B or T."""
    mantissa, exponent_text = f"{abs(value):.{digits - 1}e}".split("e")
    exponent = int(exponent_text) if float(mantissa) else 0
    scale = min(max(exponent // 3, 0), len(_SCALES) - 1)
    shift = exponent - 3 * scale
    number = Decimal(mantissa).scaleb(shift)
    text = f"{number:,.{max(digits - 1 - shift, 0) if float(mantissa) else 0}f}"
    return f"{MINUS if value < 0 and number else ''}{text}{_SCALES[scale]}"


def usd(value: float | None) -> str:
    """Return ``$1.23M``; amounts below one cent read ``<$0.01``."""
    if value is None:
        return ABSENT
    if 0 < abs(value) < 0.01:
        return "<$0.01" if value > 0 else f">{MINUS}$0.01"
    text = f"{value:.2f}" if 0 < value < 1 else scaled(value)
    return f"{MINUS}${text[1:]}" if text.startswith(MINUS) else f"${text}"


def price(value: float | None) -> str:
    """Return a price with five significant figures, ``$3,012.4``."""
    if value is None:
        return ABSENT
    if value == 0:
        return "$0"
    exponent = math.floor(math.log10(abs(value)))
    return f"${value:,.{min(max(4 - exponent, 0), 12)}f}"


def tokens(value: float | None) -> str:
    """Return a token amount with three significant figures."""
    if value is None:
        return ABSENT
    return "<0.001" if 0 < value < 0.001 else scaled(value)


def count(value: int | None) -> str:
    """Return an exact count, ``12,345``."""
    return ABSENT if value is None else f"{value:,}"


def share(value: float | None, decimals: int = 1) -> str:
    """Return a share as percent; never rounds something to nothing or to everything."""
    if value is None:
        return ABSENT
    percent = value * 100
    text = f"{abs(percent):,.{decimals}f}"
    least = f"{10.0**-decimals:.{decimals}f}"
    if float(text.replace(",", "")) == 0 and percent != 0:
        return f"<{least} %" if percent > 0 else f">{MINUS}{least} %"
    if text == f"{100:.{decimals}f}" and value < 1:
        return f">{100 - 10.0**-decimals:.{decimals}f} %"
    return f"{MINUS if percent < 0 and float(text.replace(',', '')) else ''}{text} %"


def change(value: float | None) -> str:
    """Return a price change with its sign, ``−30 %`` or ``+12.5 %``."""
    if value is None:
        return ABSENT
    percent = round(value * 100, 1)
    text = f"{abs(percent):,.1f}".removesuffix(".0")
    sign = MINUS if percent < 0 else "+" if percent > 0 else ""
    return f"{sign}{text} %"


def bps(value: float | None) -> str:
    """Return basis points as percent without trailing zeros, ``82.5 %``."""
    if value is None:
        return ABSENT
    text = f"{abs(value) / 100:,.2f}".rstrip("0").rstrip(".")
    return f"{MINUS if value < 0 else ''}{text} %"


def health(value: float | None) -> str:
    """Return a health factor, cut off (not rounded up) so that 0.9996 never reads 1.000."""
    if value is None:
        return ABSENT
    if value >= 100:
        return ">100"
    decimals = 3 if 0.9 <= value < 1.1 else 2
    # In decimals of the shortest form: 1.05 is not cut to 1.049, 0.9999999999999998 not to 1.
    step = Decimal(1).scaleb(-decimals)
    return str(Decimal(repr(float(value))).quantize(step, ROUND_FLOOR))


def seconds(value: float | None) -> str:
    """Return a duration in its two largest units, ``1 h 20 min``."""
    if value is None:
        return ABSENT
    rest = round(value)
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount:,} {unit}")
    return " ".join(parts[:2]) or "0 s"


def utc(timestamp_s: int | None) -> str:
    """Return ``2026-03-10 11:20 UTC``; absent for 0 and for times no calendar holds."""
    if not timestamp_s or not 0 < timestamp_s < 253_402_300_800:  # year 10000
        return ABSENT
    return datetime.fromtimestamp(timestamp_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def label(text: str, longest: int = _MAX_LABEL) -> str:
    """Return untrusted text made safe to show as one line.

    Control, format (bidirectional, zero-width) and separator characters and lone
    surrogates become ``�``; a leading ``= + - @`` is quoted, so that a pasted cell is no
    spreadsheet formula; long text is cut.  Escaping for HTML or Markdown comes on top.
    """
    shown = "".join(_visible(c) for c in text)
    if shown.startswith(_FORMULA_STARTS):
        shown = f"'{shown}"
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def sentence(text: str) -> str:
    """Return untrusted prose as one visible line."""
    return "".join(_visible(c) for c in text)


def account(name: str) -> str:
    """Return an address as ``0x1234…abcd``; other names as `label`."""
    shown = label(name, 100)
    return f"{shown[:6]}…{shown[-4:]}" if shown.startswith("0x") and len(shown) > 16 else label(name)


def joined(items: list[str]) -> str:
    """Return ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def some(items: list[str], shown: int = 3) -> str:
    """Return at most ``shown`` items and how many more there are: ``a, b, c and 4 more``."""
    rest = len(items) - shown
    return joined([*items[:shown], f"{rest} more"] if rest > 0 else items)


def plural(number: int, noun: str) -> str:
    """Return ``1 account`` or ``12,345 accounts``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    return "�" if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else character
