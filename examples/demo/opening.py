"""Open the planned accounts on the chain, in few large blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from examples.localchain.chain import Head, LocalChain
from examples.localchain.contracts import named_address
from examples.localchain.market import Market

from .plan import AccountPlan, totals

# Pays every supply on the accounts' behalf: one mint and one approval per token instead of
# two more transactions per leg.
FUNDER = named_address("breakwater demo funder")
_UNLIMITED = 2**256 - 1
_VARIABLE_RATE = 2
_NO_REFERRAL = 0


def open_accounts(chain: LocalChain, market: Market, plans: Sequence[AccountPlan]) -> Head:
    """Supply, transfer, enter e-modes, switch off, borrow: one block for each step.

    Returns
    -------
    Head
        The block of the borrows.

    Raises
    ------
    TransactionReverted
        If the protocol refuses a step.
    """
    _fund(chain, market, plans)
    _supply(chain, market, plans)
    _transfer(chain, market, plans)
    for plan in plans:
        if plan.emode:
            chain.send(plan.address, market.pool, "setUserEMode", plan.emode)
        for symbol in plan.switched_off:
            asset = market.reserves[symbol].underlying.address
            chain.send(plan.address, market.pool, "setUserUseReserveAsCollateral", asset, False)
    chain.mine()
    for plan in plans:
        for leg in plan.debt:
            asset = market.reserves[leg.symbol].underlying.address
            terms = (_VARIABLE_RATE, _NO_REFERRAL, plan.address)
            chain.send(plan.address, market.pool, "borrow", asset, leg.amount_raw, *terms)
    return chain.mine()


def _fund(chain: LocalChain, market: Market, plans: Iterable[AccountPlan]) -> None:
    for symbol, amount_raw in totals(leg for plan in plans for leg in plan.collateral).items():
        token = market.reserves[symbol].underlying
        chain.send(market.admin, token, "mint", FUNDER, amount_raw)
        chain.send(FUNDER, token, "approve", market.pool.address, _UNLIMITED)
    chain.mine()


def _supply(chain: LocalChain, market: Market, plans: Iterable[AccountPlan]) -> None:
    for plan in plans:
        receiver = FUNDER if plan.by_transfer else plan.address
        for leg in plan.collateral:
            asset = market.reserves[leg.symbol].underlying.address
            chain.send(FUNDER, market.pool, "supply", asset, leg.amount_raw, receiver, _NO_REFERRAL)
    chain.mine()


def _transfer(chain: LocalChain, market: Market, plans: Iterable[AccountPlan]) -> None:
    # Before the first borrow the supply index is exactly one, so the funder keeps no wei.
    for plan in plans:
        if plan.by_transfer:
            for leg in plan.collateral:
                chain.send(
                    FUNDER, market.reserves[leg.symbol].a_token, "transfer", plan.address, leg.amount_raw
                )
    chain.mine()
