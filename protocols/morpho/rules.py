"""Health and liquidation of a Morpho Blue position, in exact integers.

Beside the contract: Morpho.sol, SharesMathLib.sol and ConstantsLib.sol of morpho-org/morpho-blue.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from abis.errors import InputError
from abis.units import WAD, mul_div_down, mul_div_up

VIRTUAL_SHARES, VIRTUAL_ASSETS = 10**6, 1
ORACLE_SCALE = 10**36
MAX_INCENTIVE_WAD = 115 * WAD // 100
CURSOR_WAD = 3 * WAD // 10


@dataclass(frozen=True, slots=True)
class Market:
    """Totals of the borrowed side, the supplied assets, the oracle's price and the LLTV.

    ``price`` is that of one smallest unit of collateral in smallest units of the loan token,
    times 1e36.
    """

    borrow_assets: int
    borrow_shares: int
    supply_assets: int
    price: int
    lltv_wad: int

    def assets_up(self, shares: int) -> int:
        """Return the assets of borrow shares, rounded up."""
        return mul_div_up(shares, self.borrow_assets + VIRTUAL_ASSETS, self.borrow_shares + VIRTUAL_SHARES)

    def assets_down(self, shares: int) -> int:
        """Return the assets of borrow shares, rounded down."""
        return mul_div_down(shares, self.borrow_assets + VIRTUAL_ASSETS, self.borrow_shares + VIRTUAL_SHARES)

    def shares_up(self, assets: int) -> int:
        """Return the borrow shares of assets, rounded up."""
        return mul_div_up(assets, self.borrow_shares + VIRTUAL_SHARES, self.borrow_assets + VIRTUAL_ASSETS)


@dataclass(frozen=True, slots=True)
class Position:
    """Borrow shares and collateral of one borrower."""

    borrow_shares: int
    collateral: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a liquidation does.

    Parameters
    ----------
    seized, repaid, repaid_shares : int
        Collateral taken, assets and shares repaid.
    bad_debt, bad_shares : int
        Debt without collateral, taken from suppliers at once.
    market, position : Market, Position
        After it.
    """

    seized: int
    repaid: int
    repaid_shares: int
    bad_debt: int
    bad_shares: int
    market: Market
    position: Position


def incentive_wad(lltv_wad: int) -> int:
    """Return the liquidation incentive factor."""
    denominator = WAD - mul_div_down(CURSOR_WAD, WAD - lltv_wad, WAD)
    return min(MAX_INCENTIVE_WAD, mul_div_down(WAD, WAD, denominator))


def debt_of(market: Market, position: Position) -> int:
    """Return what is owed, rounded up."""
    return market.assets_up(position.borrow_shares) if position.borrow_shares else 0


def max_borrow(market: Market, position: Position) -> int:
    """Return what the collateral carries."""
    worth = mul_div_down(position.collateral, market.price, ORACLE_SCALE)
    return mul_div_down(worth, market.lltv_wad, WAD)


def is_healthy(market: Market, position: Position) -> bool:
    """Return whether the position is out of a liquidator's reach."""
    return max_borrow(market, position) >= debt_of(market, position)


def liquidate(market: Market, position: Position, *, seized: int = 0, repaid_shares: int = 0) -> Result:
    """Return what ``liquidate`` does, given the collateral to take or the shares to repay.

    Raises
    ------
    InputError
        Where the contract reverts: not exactly one amount, a healthy position, or more than there is.
    """
    if (seized == 0) == (repaid_shares == 0):
        raise InputError(
            f"seized {seized} and repaid shares {repaid_shares}.", remedy="Give exactly one, not zero."
        )
    if is_healthy(market, position):
        raise InputError("the position is healthy.", remedy="Liquidate positions below health 1.")
    incentive = incentive_wad(market.lltv_wad)
    if seized:
        quoted = mul_div_up(seized, market.price, ORACLE_SCALE)
        repaid_shares = market.shares_up(mul_div_up(quoted, WAD, incentive))
    else:
        worth = mul_div_down(market.assets_down(repaid_shares), incentive, WAD)
        seized = mul_div_down(worth, ORACLE_SCALE, market.price)
    if seized > position.collateral or repaid_shares > position.borrow_shares:
        raise InputError(
            f"taking {seized} for {repaid_shares} shares exceeds the position.",
            remedy=f"It has {position.collateral} and owes {position.borrow_shares} shares.",
        )
    return _settled(market, position, seized, repaid_shares)


def _settled(market: Market, position: Position, seized: int, repaid_shares: int) -> Result:
    repaid = market.assets_up(repaid_shares)
    left = Position(position.borrow_shares - repaid_shares, position.collateral - seized)
    after = replace(
        market,
        borrow_assets=max(market.borrow_assets - repaid, 0),
        borrow_shares=market.borrow_shares - repaid_shares,
    )
    bad, bad_shares = 0, 0
    if left.collateral == 0:
        bad_shares = left.borrow_shares
        bad = min(after.borrow_assets, after.assets_up(bad_shares))
        left = replace(left, borrow_shares=0)
        after = replace(
            after,
            borrow_assets=after.borrow_assets - bad,
            borrow_shares=after.borrow_shares - bad_shares,
            supply_assets=after.supply_assets - bad,
        )
    return Result(seized, repaid, repaid_shares, bad, bad_shares, after, left)
