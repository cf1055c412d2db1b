"""Who borrows in the demo market, and how close to liquidation.

Every account belongs to an archetype.  An archetype fixes

* its share of the accounts (largest remainder, at least one account each) and of the
  market's debt (of its supply, where it borrows nothing);
* a menu of collateral and of debt assets with weights, and how many are drawn from it
  without repetition; the first asset drawn carries most of the value;
* the distribution of the health factor at the market's final prices: ``HF - 1`` is
  lognormal with the median and sigma given, truncated from below where the protocol
  would not have let the account open (debt at most LTV times collateral at the opening
  prices, which were higher than the final ones);
* sizes: lognormal with sigma ``SIZE_SIGMA``, scaled to the archetype's share of debt.
  They are heavy-tailed, so the few largest accounts hold most of the debt.

The figures are set by Aave v3's 1,000 largest borrowers on Ethereum of 2025-12-02
(public list, herculesArmy/aave_v3_risk): of accounts with mostly stablecoin debt the
median of ``HF - 1`` is 0.59 and its lognormal sigma 0.95; staked-ether loops sit at about
1.02 to 1.08 by e-mode thresholds; two fifths of all debt is WETH, half is USDC and USDT;
the ten largest borrowers hold a third of the debt, the hundred largest two thirds.
Real accounts are not copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SIZE_SIGMA = 1.8
# An account takes an asset only if its debt is at most this share of the reserve's cap:
# large accounts use deep reserves.
LARGEST_CAP_SHARE = 0.03
# The market's debt in USD for each account in it: 320 accounts owe about two billion.
DEBT_USD_PER_ACCOUNT = 6_250_000.0

_VOLATILE = {"WETH": 0.30, "WBTC": 0.27, "wstETH": 0.25, "cbBTC": 0.08, "weETH": 0.07, "LINK": 0.03}
_STABLE = {"USDT": 0.45, "USDC": 0.40, "DAI": 0.08, "GHO": 0.07}
_STABLE_COLLATERAL = {"USDC": 0.5, "USDT": 0.4, "DAI": 0.1}


@dataclass(frozen=True, slots=True)
class Archetype:
    """A kind of account; see the module's text.

    Attributes
    ----------
    name : str
        Its name.
    account_share, value_share : float
        Share of the accounts and of the market's debt (supply, if it does not borrow).
    collateral, debt : mapping of str to float
        Asset menus with weights; an empty debt menu means no debt.
    collateral_count, debt_count : tuple of int
        Fewest and most assets drawn.
    hf_excess_median, hf_excess_sigma : float
        Lognormal of HF - 1.
    emode : int
        Category entered, 0 = none.
    dust_usd : tuple of float, optional
        Debt log-uniform between these instead of a share of the market.
    first_off : bool
        The first collateral is switched off as collateral.
    by_transfer : bool
        Collateral arrives as a plain transfer of aTokens.
    """

    name: str
    account_share: float
    value_share: float
    collateral: Mapping[str, float]
    collateral_count: tuple[int, int] = (1, 1)
    debt: Mapping[str, float] = field(default_factory=dict)
    debt_count: tuple[int, int] = (1, 1)
    hf_excess_median: float = 0.55
    hf_excess_sigma: float = 0.90
    emode: int = 0
    dust_usd: tuple[float, float] | None = None
    first_off: bool = False
    by_transfer: bool = False


ETH_EMODE, BTC_EMODE = 1, 2

ARCHETYPES = (
    Archetype("single", 0.175, 0.12, _VOLATILE, (1, 1), _STABLE),
    Archetype("multi_collateral", 0.19, 0.23, _VOLATILE, (2, 4), _STABLE),
    Archetype("multi_debt", 0.12, 0.12, _VOLATILE, (1, 2), _STABLE, (2, 3)),
    Archetype(
        "eth_loop",
        0.13,
        0.36,
        {"wstETH": 0.55, "weETH": 0.45},
        (1, 2),
        {"WETH": 1.0},
        (1, 1),
        0.045,
        0.5,
        ETH_EMODE,
    ),
    Archetype(
        "btc_loop",
        0.05,
        0.05,
        {"LBTC": 1.0},
        (1, 1),
        {"WBTC": 0.6, "cbBTC": 0.4},
        (1, 1),
        0.05,
        0.5,
        BTC_EMODE,
    ),
    Archetype("stable_only", 0.06, 0.05, _STABLE_COLLATERAL, (1, 2), _STABLE, (1, 1), 0.08, 0.6),
    Archetype(
        "short",
        0.05,
        0.03,
        _STABLE_COLLATERAL,
        (1, 2),
        {"WETH": 0.6, "WBTC": 0.2, "wstETH": 0.1, "LINK": 0.1},
    ),
    Archetype("dust", 0.08, 0.0, _VOLATILE, (1, 2), _STABLE, (1, 2), dust_usd=(0.05, 80.0)),
    Archetype("supply_only", 0.07, 0.05, {**_VOLATILE, "USDC": 0.3, "USDT": 0.3}, (1, 2)),
    # Special states, rare but each with its own rule in the protocol.
    Archetype("emode_without_debt", 0.0125, 0.002, {"wstETH": 1.0}, emode=ETH_EMODE),
    Archetype(
        "emode_with_outsider",
        0.0125,
        0.01,
        {"wstETH": 1.0, "WBTC": 1.0},
        (2, 2),
        {"WETH": 1.0},
        emode=ETH_EMODE,
    ),
    Archetype(
        "collateral_off", 0.0125, 0.01, {"WETH": 1.0, "USDC": 1.0}, (2, 2), {"USDT": 1.0}, first_off=True
    ),
    Archetype("received", 0.0125, 0.005, {"WETH": 1.0, "wstETH": 1.0}, debt={"USDC": 1.0}, by_transfer=True),
    Archetype("gho_borrower", 0.0125, 0.01, {"WETH": 1.0, "wstETH": 1.0}, debt={"GHO": 1.0}),
    Archetype("link_collateral", 0.0125, 0.005, {"LINK": 1.0}, debt={"USDC": 1.0}),
)

LENDER = "lender"
# The largest utilisation of each borrowed reserve.  Its one lender supplies what is still
# missing after the borrowers' own collateral, and at least LENDER_LEAST_USD.
TARGET_UTILISATION = {
    "WETH": 0.88,
    "wstETH": 0.30,
    "WBTC": 0.45,
    "cbBTC": 0.30,
    "USDC": 0.82,
    "USDT": 0.80,
    "DAI": 0.78,
    "LINK": 0.20,
    "GHO": 0.80,
}
LENDER_LEAST_USD = 1_000_000.0

# Opening prices over final prices: the market fell between opening and the snapshot, which
# is how accounts get closer to liquidation than the protocol lets them open.
OPENING_OVER_FINAL = {
    "WETH": 1.05,
    "wstETH": 1.05,
    "weETH": 1.05,
    "WBTC": 1.045,
    "cbBTC": 1.045,
    "LBTC": 1.045,
    "LINK": 1.07,
}
