"""What a setting is about in a market, and the value the market has there."""

from __future__ import annotations

from abis.errors import InputError
from protocols.payload_calls import Setting, SettingKind
from protocols.snapshot import RateModel, Reserve, Snapshot

_RAY_PER_BPS = 10**23
_RATES = {
    "rate_optimal_bps": "optimal_ray",
    "rate_base_bps": "base_ray",
    "rate_slope1_bps": "slope1_ray",
    "rate_slope2_bps": "slope2_ray",
}


def holder_of(setting: Setting, snapshot: Snapshot) -> tuple[int | None, str]:
    """Return the place of the reserve or category a setting is about, and its name.

    The place is None where there is none: a category to be made, a feed, the whole market.

    Raises
    ------
    UnknownAsset
        If it is about an asset the market does not list: a payload of another pool.
    """
    if setting.kind is SettingKind.RESERVE:
        place = snapshot.asset_index(setting.subject)
        return place, snapshot.asset_names[place]
    if setting.kind is SettingKind.EMODE:
        return _category(setting.subject, snapshot), f"emode:{setting.subject}"
    if setting.kind is SettingKind.EMODE_ASSET:
        category, _, asset = setting.subject.partition(":")
        name = snapshot.asset_names[snapshot.asset_index(asset)]
        return _category(category, snapshot), f"emode:{category}:{name}"
    return None, setting.subject or "market"


def value_before(setting: Setting, snapshot: Snapshot) -> int | bool | str | None:
    """Return the market's value of what a setting sets; None where the snapshot does not hold it."""
    place, _ = holder_of(setting, snapshot)
    if place is None:
        return None
    if setting.kind is SettingKind.RESERVE:
        return _of_reserve(snapshot.reserves[place], setting.parameter)
    mode = snapshot.emodes[place]
    if setting.kind is SettingKind.EMODE:
        value: int | bool | str | None = getattr(mode, setting.parameter, None)
        return value
    asset = snapshot.asset_index(setting.subject.partition(":")[2])
    members: tuple[int, ...] = getattr(mode, setting.parameter)
    return asset in members


def rate_bps(model: RateModel, parameter: str) -> int:
    """Return one figure of a rate curve in basis points."""
    ray: int = getattr(model, _RATES[parameter])
    if ray % _RAY_PER_BPS:
        raise InputError(f"{parameter} is {ray} ray, no whole basis points.")
    return ray // _RAY_PER_BPS


def _of_reserve(reserve: Reserve, parameter: str) -> int | bool | str | None:
    if parameter in _RATES:
        return rate_bps(reserve.rate_model, parameter) if reserve.rate_model is not None else None
    if parameter == "feed_source":
        return reserve.feed.source if reserve.feed is not None else None
    if parameter == "listed":
        return True
    value: int | bool | str | None = getattr(reserve, parameter, None)
    return value


def _category(text: str, snapshot: Snapshot) -> int | None:
    return next((k for k, m in enumerate(snapshot.emodes) if str(m.id) == text), None)
