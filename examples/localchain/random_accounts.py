"""Random accounts in every special state, the same ones for the same seed.

A state says what is unusual about an account: how its collateral came, what is switched
off, which category it is or was in, what later happens to the reserves it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from .contracts import named_address
from .random_market import (
    DOLLAR_EMODE,
    ETHER_EMODE,
    FROZEN,
    ISOLATED,
    LOAN_EMODE,
    PAUSED,
    SILOED,
    USD_UNIT,
    WITHOUT_LTV,
    WORTHLESS,
)
from .spec import MarketSpec, ReserveSpec

_COLLATERAL = ("WETH", "wstETH", "WBTC", "USDC", "DAI", "GUSD")
_DEBT = ("WETH", "USDC", "USDT", "DAI", "GUSD", "WBTC")
_IN_ISOLATION = ("USDC", "USDT", "DAI")
# Room for what the protocol truncates: average LTV to whole basis points, values to units.
_LTV_MARGIN = 0.995


class State(StrEnum):
    """What is special about an account."""

    PLAIN = "plain"
    MANY = "many assets"
    SUPPLY_ONLY = "supply only"
    ALL_OFF = "all collateral switched off"
    ONE_OFF = "one collateral switched off"
    SAME_ASSET = "same asset on both sides"
    BY_TRANSFER = "collateral by plain transfer"
    BY_TRANSFER_UNUSED = "transferred and not used"
    BY_DELEGATION = "debt by credit delegation"
    FROZEN = "frozen reserve"
    PAUSED = "paused reserve"
    WITHOUT_LTV = "LTV 0"
    DUST = "dust"
    WORTHLESS = "value rounds to zero"
    STABLE_RATE = "stable rate"
    EMODE = "e-mode"
    EMODE_LEFT = "e-mode left"
    EMODE_DOLLARS = "e-mode of dollars"
    ISOLATED = "isolation"
    SILOED = "siloed borrowing"
    EMODE_LOAN = "second e-mode of an asset"
    EMODE_ONLY = "collateral in e-mode only"


_EVERYWHERE = tuple(State)[: tuple(State).index(State.STABLE_RATE)]
_SINCE_V3 = tuple(State)[tuple(State).index(State.EMODE) : tuple(State).index(State.EMODE_LOAN)]
STATES: Mapping[str, tuple[State, ...]] = {
    "2.0": (*_EVERYWHERE, State.STABLE_RATE),
    "3.0": (*_EVERYWHERE, *_SINCE_V3),
    "3.6": (*_EVERYWHERE, *_SINCE_V3, State.EMODE_LOAN, State.EMODE_ONLY),
}


@dataclass(frozen=True, slots=True)
class RandomAccount:
    """One account to open.

    Attributes
    ----------
    address : str
        Its address.
    state : State
        What is special about it.
    supplied, borrowed : mapping of str to int
        Amounts by asset, smallest units.
    at_stable_rate : mapping of str to int
        What it borrows besides, at a stable rate.
    emodes : tuple of int
        Categories entered one after the other; 0 leaves.
    switched_on, switched_off : tuple of str
        Assets it switches on or off as collateral.
    by_transfer : bool
        Whether what it holds comes as a transfer of the market's tokens.
    borrower : str
        Who borrows on its behalf: itself, or another by credit delegation.
    """

    address: str
    state: State
    supplied: Mapping[str, int]
    borrowed: Mapping[str, int]
    borrower: str
    at_stable_rate: Mapping[str, int]
    emodes: tuple[int, ...] = ()
    switched_on: tuple[str, ...] = ()
    switched_off: tuple[str, ...] = ()
    by_transfer: bool = False


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a state fixes before amounts are drawn; ``unused`` is supplied and backs nothing."""

    supply: Sequence[str]
    borrow: Sequence[str] = ()
    unused: Sequence[str] = ()
    emodes: tuple[int, ...] = ()
    switched_on: tuple[str, ...] = ()
    at_stable_rate: bool = False


def random_accounts(spec: MarketSpec, version: str, *, seed: int, accounts: int) -> tuple[RandomAccount, ...]:
    """Return accounts that take the release's states in turn.

    Parameters
    ----------
    spec : MarketSpec
        A market of `random_market`, US dollars: v2's own is the same in ether.
    version : str
        Release, one of `STATES`.
    seed : int
        Same seed, same accounts.
    accounts : int
        How many.
    """
    states = STATES[version]
    return tuple(
        _account(spec, version, states[i % len(states)], Random(f"{seed} {version} {i}"), f"{seed} {i}")
        for i in range(accounts)
    )


def _account(spec: MarketSpec, version: str, state: State, random: Random, name: str) -> RandomAccount:
    shape = _SHAPES[state](random)
    address = named_address(f"breakwater random account {name}")
    collateral_usd = random.uniform(0.05, 2.0) if state is State.DUST else 10 ** random.uniform(2, 5.5)
    supplied = _amounts(spec, random, shape.supply, collateral_usd)
    # v2 counts in wei, which is finer than eight decimals of a dollar.
    worthless_raw = 10**10 if version == "2.0" else 10**17
    if state is State.WORTHLESS:
        supplied[WORTHLESS] = random.randint(1, worthless_raw)
    share = min(1 - 10 ** random.uniform(-2.5, -0.3), _LTV_MARGIN)
    borrowed = _amounts(spec, random, shape.borrow, _capacity_usd(spec, supplied, shape, state) * share)
    if state is State.WORTHLESS and borrowed:
        borrowed[WORTHLESS] = random.randint(1, worthless_raw)
    stable = {symbol: amount // 3 for symbol, amount in borrowed.items()} if shape.at_stable_rate else {}
    for symbol, amount in stable.items():
        borrowed[symbol] = random.choice((0, borrowed[symbol] - amount))
    unused = _amounts(spec, random, shape.unused, collateral_usd * random.uniform(0.1, 2.0))
    delegated = state is State.BY_DELEGATION
    # From v3.6 on what arrives as a transfer is no collateral until its holder says so.
    by_hand = tuple(shape.supply) if state is State.BY_TRANSFER and version == "3.6" else ()
    return RandomAccount(
        address=address,
        state=state,
        supplied=supplied | unused,
        borrowed={symbol: amount for symbol, amount in borrowed.items() if amount},
        at_stable_rate=stable,
        borrower=named_address(f"breakwater random delegatee {name}") if delegated else address,
        emodes=shape.emodes,
        switched_on=(*shape.switched_on, *by_hand),
        switched_off=tuple(unused),
        by_transfer=state in (State.BY_TRANSFER, State.BY_TRANSFER_UNUSED),
    )


def _amounts(spec: MarketSpec, random: Random, symbols: Sequence[str], value_usd: float) -> dict[str, int]:
    """Split a value over assets at random; every amount is at least one smallest unit."""
    shares = [0.15 + random.random() for _ in symbols]
    return {
        symbol: max(_raw(spec.reserve(symbol), value_usd * share / sum(shares)), 1)
        for symbol, share in zip(symbols, shares, strict=True)
    }


def _raw(reserve: ReserveSpec, value_usd: float) -> int:
    # Seven digits: mathematical libraries of different machines agree on those.
    value_raw = int(float(f"{value_usd:.6e}") * USD_UNIT)
    return value_raw * int(10**reserve.decimals) // reserve.feed.price_raw


def _capacity_usd(spec: MarketSpec, supplied: Mapping[str, int], shape: _Shape, state: State) -> float:
    emode = shape.emodes[-1] if shape.emodes else 0
    ltv_bps = {each.id: each.ltv_bps for each in spec.emodes}.get(emode)
    total = 0.0
    for symbol, amount_raw in supplied.items():
        reserve = spec.reserve(symbol)
        value_usd = amount_raw * reserve.feed.price_raw / (10**reserve.decimals * USD_UNIT)
        total += value_usd * (reserve.ltv_bps if ltv_bps is None else ltv_bps) / 10_000
    # The smallest amounts are coarse: a unit more must still be covered.
    return total * (0.5 if state is State.DUST else 1.0)


def _some(random: Random, menu: Sequence[str], most: int) -> list[str]:
    return random.sample(menu, random.randint(1, min(most, len(menu))))


def _around(symbol: str) -> Callable[[Random], _Shape]:
    """Return the shape of accounts that use ``symbol`` as collateral, as debt, or as both."""

    def shape(random: Random) -> _Shape:
        side = random.choice(("collateral", "debt", "both"))
        supply = [] if side == "debt" and random.random() < 0.5 else _some(random, _COLLATERAL, 2)
        borrow = _some(random, _DEBT, 2)
        if side != "debt":
            supply = [symbol, *supply[: random.randint(0, 1)]]
        if side != "collateral":
            borrow = [symbol, *borrow[: random.randint(0, 1)]]
        return _Shape(supply or ["WETH"], borrow)

    return shape


def _supply_only(random: Random) -> _Shape:
    return _Shape(_some(random, _COLLATERAL, 4))


def _borrowing(random: Random) -> _Shape:
    return _Shape(_some(random, _COLLATERAL, 3), _some(random, _DEBT, 3))


def _same_asset(random: Random) -> _Shape:
    asset = random.choice(("USDC", "DAI", "WETH"))
    return _Shape([asset, *_some(random, ["WBTC", "wstETH"], 1)][: random.randint(1, 2)], [asset])


def _one_off(random: Random) -> _Shape:
    used, unused = random.sample(_COLLATERAL, 2)
    return _Shape([used], _some(random, _DEBT, 2), unused=[unused])


def _worthless(random: Random) -> _Shape:
    return _Shape(_some(random, _COLLATERAL, 2), _some(random, _DEBT, 2) if random.random() < 0.7 else ())


def _stable_rate(random: Random) -> _Shape:
    return _Shape(
        _some(random, ("wstETH", "WBTC"), 2), _some(random, ("WETH", "USDC", "DAI"), 2), at_stable_rate=True
    )


def _emode(random: Random) -> _Shape:
    collateral, debt = random.sample(("WETH", "wstETH"), 2)
    outside = ["WBTC"] if random.random() < 0.3 else []
    return _Shape([collateral], [debt], unused=outside, emodes=(ETHER_EMODE,))


def _emode_dollars(random: Random) -> _Shape:
    collateral, debt = random.sample(("USDC", "DAI"), 2)
    return _Shape([collateral], [debt], emodes=(DOLLAR_EMODE,))


def _emode_loan(random: Random) -> _Shape:
    supply = _some(random, ("WETH", "wstETH"), 2)
    return _Shape(supply, _some(random, ("USDC", "USDT"), 2), emodes=(ETHER_EMODE, LOAN_EMODE))


def _emode_only(random: Random) -> _Shape:
    more = _some(random, ("USDC", "DAI"), 1) if random.random() < 0.5 else []
    return _Shape(["USDT", *more], ["USDC"], emodes=(DOLLAR_EMODE,), switched_on=("USDT",))


_SHAPES: Mapping[State, Callable[[Random], _Shape]] = {
    State.PLAIN: _borrowing,
    State.MANY: lambda _: _Shape(_COLLATERAL, _DEBT),
    State.SUPPLY_ONLY: _supply_only,
    State.ALL_OFF: lambda random: _Shape((), unused=_some(random, _COLLATERAL, 2)),
    State.ONE_OFF: _one_off,
    State.SAME_ASSET: _same_asset,
    State.BY_TRANSFER: _borrowing,
    State.BY_TRANSFER_UNUSED: _supply_only,
    State.BY_DELEGATION: _borrowing,
    State.FROZEN: _around(FROZEN),
    State.PAUSED: _around(PAUSED),
    State.WITHOUT_LTV: _around(WITHOUT_LTV),
    State.DUST: lambda random: _Shape(_some(random, ("WBTC", "USDC", "DAI"), 2), ["USDC"]),
    State.WORTHLESS: _worthless,
    State.STABLE_RATE: _stable_rate,
    State.EMODE: _emode,
    State.EMODE_LEFT: lambda random: _Shape(
        _some(random, ("WETH", "wstETH"), 2), _some(random, _DEBT, 2), emodes=(ETHER_EMODE, 0)
    ),
    State.EMODE_DOLLARS: _emode_dollars,
    State.ISOLATED: lambda random: _Shape(
        [ISOLATED], _some(random, _IN_ISOLATION, 2), switched_on=(ISOLATED,)
    ),
    State.SILOED: lambda random: _Shape(_some(random, _COLLATERAL, 3), [SILOED]),
    State.EMODE_LOAN: _emode_loan,
    State.EMODE_ONLY: _emode_only,
}
