"""What a parameter was before the first event that changed it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from eth_utils.address import to_checksum_address

from abis.calls import Call
from abis.chain import Chain, Header
from protocols.aave_v3.config_decoding import label_text
from protocols.aave_v3.config_events import EMODE, EMODE_ASSET, RESERVE
from protocols.aave_v3.configuration import decode_configuration

# The fields of the word stand where they stood in 3.0; events of later releases name others.
_LAYOUT = "3.0"
_WORD_FIELDS = frozenset(
    {
        "ltv_bps",
        "liquidation_threshold_bps",
        "liquidation_bonus_bps",
        "borrowing_enabled",
        "flash_loan_enabled",
        "stable_borrowing_enabled",
        "active",
        "frozen",
        "paused",
        "borrowable_in_isolation",
    }
)
_CATEGORY = ("ltv_bps", "liquidation_threshold_bps", "liquidation_bonus_bps", "price_source", "label")
_RATES = ("rate_optimal_bps", "rate_base_bps", "rate_slope1_bps", "rate_slope2_bps")
_BITMAPS = {"collateral": "Collateral", "borrowable": "Borrowable", "ltvzero": "Ltvzero"}
_RESERVE_ID = slice(7 * 32, 8 * 32)  # DataTypes.sol ReserveData: the id is the eighth word


class Key(NamedTuple):
    """Which parameter of what; ``contract`` emitted the event, ``hint`` knows the rates."""

    contract: str
    kind: str
    subject: str
    parameter: str
    hint: str = ""


_Reading = tuple[list[Call], Callable[[list[Any]], str | None]]


def previous_values(chain: Chain, pool: str, keys: Sequence[Key], block: Header) -> dict[Key, str | None]:
    """Return what each parameter was at ``block``; None where nothing tells.

    Parameters
    ----------
    chain : Chain
        Where to read.
    pool : str
        The market's pool.
    keys : sequence of Key
        What is wanted.
    block : Header
        The block before the first change.
    """
    readings = [_reading(pool, key) for key in keys]
    answers = iter(chain.read([call for calls, _ in readings for call in calls], block))
    return {
        key: tell([next(answers) for _ in calls]) for key, (calls, tell) in zip(keys, readings, strict=True)
    }


def _reading(pool: str, key: Key) -> _Reading:
    if key.kind == RESERVE:
        return _of_reserve(pool, key)
    if key.kind == EMODE:
        return _of_category(pool, key)
    if key.kind == EMODE_ASSET and key.parameter in _BITMAPS:
        return _of_member(pool, key)
    if key.parameter == "fallback_oracle":
        return [_call(key.contract, "getFallbackOracle()(address)")], _plain
    return [], _unknown


def _of_reserve(pool: str, key: Key) -> _Reading:
    asset = (key.subject,)
    if key.parameter in _WORD_FIELDS:

        def tell(answers: list[Any]) -> str | None:
            (word,) = answers
            return (
                None if word is None else _text(getattr(decode_configuration(word, _LAYOUT), key.parameter))
            )

        return [_call(pool, "getConfiguration(address)(uint256)", asset)], tell
    if key.parameter in _RATES:
        place = _RATES.index(key.parameter)
        signature = "getInterestRateDataBps(address)((uint16,uint32,uint32,uint32))"
        return [_call(key.hint, signature, asset)], lambda a: None if a[0] is None else str(a[0][place])
    getters = {
        "feed_source": (key.contract, "getSourceOfAsset(address)(address)"),
        "pending_ltv_bps": (key.contract, "getPendingLtv(address)(uint256)"),
        "liquidation_grace_until_s": (pool, "getLiquidationGracePeriod(address)(uint40)"),
    }
    if key.parameter not in getters:
        return [], _unknown
    target, signature = getters[key.parameter]
    return [_call(target, signature, asset)], _plain


def _of_category(pool: str, key: Key) -> _Reading:
    category = (int(key.subject),)
    if key.parameter == "isolated":
        return [_call(pool, "getIsEModeCategoryIsolated(uint8)(bool)", category)], _plain
    place = _CATEGORY.index(key.parameter)

    def tell(answers: list[Any]) -> str | None:
        (data,) = answers
        if data is None:
            return None
        if key.parameter == "label":
            return label_text(data[place])
        return str(to_checksum_address(data[place])) if key.parameter == "price_source" else str(data[place])

    signature = "getEModeCategoryData(uint8)((uint16,uint16,uint16,address,bytes))"
    return [_call(pool, signature, category)], tell


def _of_member(pool: str, key: Key) -> _Reading:
    category, _, asset = key.subject.partition(":")
    getter = f"getEModeCategory{_BITMAPS[key.parameter]}Bitmap(uint8)(uint128)"

    def tell(answers: list[Any]) -> str | None:
        bitmap, data = answers
        if bitmap is None or data is None:
            return None
        return _text(bool(bitmap >> int.from_bytes(data[_RESERVE_ID], "big") & 1))

    return [_call(pool, getter, (int(category),)), _call(pool, "getReserveData(address)", (asset,))], tell


def _call(target: str, signature: str, args: tuple[Any, ...] = ()) -> Call:
    return Call(target, signature, args, optional=True)


def _plain(answers: list[Any]) -> str | None:
    (value,) = answers
    return None if value is None else _text(value)


def _unknown(_: list[Any]) -> str | None:
    return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
