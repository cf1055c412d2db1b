"""Decodes the two packed words of the pool: a reserve's configuration and a user's.

A field lives in the releases named beside it.  Outside them its bits may hold stale values,
so they read as 0 there.  References: ReserveConfiguration.sol, UserConfiguration.sol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from abis.errors import InputError
from abis.units import MAX_UINT256
from protocols.aave_v3.versions import since


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    bits: int
    first: str = "2.0"
    removed: str | None = None  # the first release without the field


_FIELDS = (
    _Field("ltv_bps", 0, 16),
    _Field("liquidation_threshold_bps", 16, 16),
    _Field("liquidation_bonus_bps", 32, 16),
    _Field("decimals", 48, 8),
    _Field("active", 56, 1),
    _Field("frozen", 57, 1),
    _Field("borrowing_enabled", 58, 1),
    _Field("stable_borrowing_enabled", 59, 1, removed="3.2"),
    _Field("paused", 60, 1, first="3.0"),
    _Field("borrowable_in_isolation", 61, 1, first="3.0", removed="3.7"),
    _Field("siloed_borrowing", 62, 1, first="3.0", removed="3.7"),
    _Field("flash_loan_enabled", 63, 1, first="3.0"),
    _Field("reserve_factor_bps", 64, 16),
    _Field("borrow_cap_tokens", 80, 36, first="3.0"),
    _Field("supply_cap_tokens", 116, 36, first="3.0"),
    _Field("liquidation_protocol_fee_bps", 152, 16, first="3.0"),
    _Field("emode_category", 168, 8, first="3.0", removed="3.2"),
    _Field("unbacked_mint_cap_tokens", 176, 36, first="3.0", removed="3.4"),
    _Field("debt_ceiling_usd_cents", 212, 40, first="3.0", removed="3.7"),
    _Field("virtual_accounting", 252, 1, first="3.1"),
)
_COLLATERAL_BITS = MAX_UINT256 // 3 * 2  # 0xAAAA...: bit 2i + 1; the bit below it, 2i, is the debt's


@dataclass(frozen=True, slots=True)
class ReserveConfiguration:
    """The fields of one configuration word; names and units as in `protocols.snapshot.Reserve`."""

    ltv_bps: int
    liquidation_threshold_bps: int
    liquidation_bonus_bps: int
    decimals: int
    active: bool
    frozen: bool
    borrowing_enabled: bool
    stable_borrowing_enabled: bool
    paused: bool
    borrowable_in_isolation: bool
    siloed_borrowing: bool
    flash_loan_enabled: bool
    reserve_factor_bps: int
    borrow_cap_tokens: int
    supply_cap_tokens: int
    liquidation_protocol_fee_bps: int
    emode_category: int
    unbacked_mint_cap_tokens: int
    debt_ceiling_usd_cents: int
    virtual_accounting: bool


@dataclass(frozen=True, slots=True)
class UserConfiguration:
    """The reserve ids a user has enabled as collateral and those the user borrows, ascending."""

    collateral: tuple[int, ...]
    borrowing: tuple[int, ...]


def decode_configuration(word: int, version: str) -> ReserveConfiguration:
    """Return what ``getConfiguration(asset)`` says about a reserve.

    Parameters
    ----------
    word : int
        The 256-bit word.
    version : str
        Release of the pool; fields it does not have read as 0 or False.

    Raises
    ------
    InputError
        If ``word`` is no unsigned 256-bit integer.
    UnsupportedVersion
        If the release is not known.
    """
    _check_word(word)
    values: dict[str, Any] = {}
    for f in _FIELDS:
        alive = since(version, f.first) and not (f.removed and since(version, f.removed))
        value = (word >> f.low) & ((1 << f.bits) - 1) if alive else 0
        values[f.name] = bool(value) if f.bits == 1 else value
    return ReserveConfiguration(**values)


def decode_user_configuration(word: int) -> UserConfiguration:
    """Return what ``getUserConfiguration(user)`` says: bit 2i is debt, bit 2i + 1 collateral of reserve i.

    Raises
    ------
    InputError
        If ``word`` is no unsigned 256-bit integer.
    """
    _check_word(word)
    return UserConfiguration(
        collateral=_set_pairs(word & _COLLATERAL_BITS), borrowing=_set_pairs(word & ~_COLLATERAL_BITS)
    )


def _set_pairs(word: int) -> tuple[int, ...]:
    return tuple(i for i in range(128) if (word >> 2 * i) & 0b11)


def _check_word(word: int) -> None:
    if not 0 <= word <= MAX_UINT256:
        raise InputError(f"{word} is no 256-bit word.", remedy="Pass the uint256 the pool returned.")
