"""A reserve's configuration word, by the layout of Aave's ReserveConfiguration.sol."""

from __future__ import annotations

from examples.localchain.spec import ReserveSpec


def expected_word(reserve: ReserveSpec, version: str) -> int:
    """Return the word of a reserve as deployed by release 2.0, 3.0 or 3.6."""
    fields = {
        0: reserve.ltv_bps,
        16: reserve.liquidation_threshold_bps,
        32: reserve.liquidation_bonus_bps,
        48: reserve.decimals,
        56: 1,  # active
        58: int(reserve.borrowing_enabled),
        64: reserve.reserve_factor_bps,
    }
    if version == "2.0":
        fields[59] = int(reserve.stable_borrowing)
    else:
        fields[61] = int(reserve.borrowable_in_isolation)
        fields[62] = int(reserve.siloed_borrowing)
        fields[63] = int(reserve.flash_loan_enabled)
        fields[80] = reserve.borrow_cap_tokens
        fields[116] = reserve.supply_cap_tokens
        fields[152] = reserve.liquidation_protocol_fee_bps
        fields[212] = reserve.debt_ceiling_usd_cents
    if version == "3.0":
        fields[168] = reserve.emode
    if version == "3.6":
        fields[252] = 1  # virtual accounting
    return sum(value << bit for bit, value in fields.items())
