"""A raw parameter value as a person reads it, by the unit in the parameter's name."""

from __future__ import annotations

from risk.report import formats

_RAY = 10**27
_TEXTS = ("label", "symbol", "feed_description")
_FLAGS = {"true": "yes", "false": "no"}


def human(parameter: str, raw: str | None) -> str:
    """Return a raw value with its unit; untrusted text comes back as one visible line.

    Parameters
    ----------
    parameter : str
        Its name, ending in its unit: ``ltv_bps``, ``supply_cap_tokens``, ``slope1_ray``.
    raw : str or None
        The value as history and diff carry it; None where not known.

    Notes
    -----
    A liquidation bonus is shown without the 100 %: 10500 is ``5 %``.
    """
    if raw is None:
        return formats.ABSENT
    if parameter in _TEXTS:
        return formats.label(raw) or formats.ABSENT
    if raw in _FLAGS:
        return _FLAGS[raw]
    if not raw.lstrip("-").isdecimal() or not raw.isascii():
        return formats.account(raw) if raw else formats.ABSENT
    number = int(raw)
    if parameter == "liquidation_bonus_bps":
        return formats.bps(number - 10_000) if number else formats.ABSENT
    if parameter.endswith("_bps"):
        return formats.bps(number)
    if parameter.endswith("_ray"):
        return _percent(number)
    if parameter.endswith("_tokens"):
        return f"{number:,}" if number else "none"
    if parameter.endswith("_usd_cents"):
        return formats.usd(number / 100) if number else "none"
    return formats.utc(number) if parameter.endswith("_s") else f"{number:,}"


def _percent(ray: int) -> str:
    text = f"{abs(ray) / _RAY * 100:,.4f}".rstrip("0").rstrip(".")
    return f"{formats.MINUS if ray < 0 else ''}{text} %"
