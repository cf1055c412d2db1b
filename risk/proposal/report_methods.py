"""How each figure about a proposal is computed: the appendix of its report."""

from __future__ import annotations

from risk.report.methods import METHODS as OF_REVIEW

_SHARED = (
    "Oracle value",
    "Health factor (HF)",
    "Completeness",
    "Bad debt",
    "Avoidable borrower loss",
    "Toxic volume",
    "Slippage",
)
_OWN = (
    (
        "Rules of the configurator",
        "verdict",
        "The require statements of PoolConfigurator.sol on the values after the change, in its own integers: "
        "LTV ≤ threshold; bonus > 100 %; percentMul(threshold, bonus) ≤ 100 %, rounded half up; no bonus "
        "without a threshold.",
    ),
    (
        "Rules of the steward",
        "verdict",
        "|after − before| ≤ the largest step (absolute in bps, or relative to the current value), and block "
        "time − last update ≥ the waiting time, with the bounds the snapshot read. NOT KNOWN where it holds "
        "none. What exceeds them needs a vote.",
    ),
    (
        "Published rules",
        "verdict",
        "Numeric rules that risk teams published, each with its source, on the figures of this report. NOT "
        "KNOWN where an input is missing.",
    ),
    (
        "Liquidatable accounts and debt",
        "count, USD",
        "Accounts whose health factor, in the contract's integers, is below the liquidation threshold of 1; "
        "their debt at the snapshot's prices. After a stress: at oracle prices once the feeds have caught up "
        "with the scenario's last moment.",
    ),
    (
        "Debt to repay",
        "USD",
        "max(debt − Σ collateral × threshold after, 0): the least repayment that restores a health factor of "
        "1 with collateral unchanged.",
    ),
    (
        "Step curve",
        "count, USD",
        "One parameter moved alone, in at most 20 even steps from the current to the proposed value; at each "
        "step every account is decided anew. Added: less those liquidatable at the current value. All "
        "changes together: the same share of every way, rounded towards the current value.",
    ),
    (
        "Borrowing power",
        "USD",
        "Σ counted collateral × LTV, e-mode applied, at the snapshot's prices. An upper bound of what may be "
        "borrowed: caps and liquidity may bind first.",
    ),
    (
        "Cap use",
        "share",
        "Supply or debt in the token's smallest unit / (cap × 10^decimals).",
    ),
    (
        "VaR and CVaR",
        "as the measure",
        "VaR p: the loss not exceeded with probability p under the scenarios' weights. CVaR p: the mean of "
        "the worst 1 − p of the weight, min over η of η + E[(L − η)+] / (1 − p).",
    ),
    (
        "Intervals",
        "as the measure",
        "95 %. Quantiles of equally weighted draws: order statistics (Wilks 1941), free of any distribution. "
        "Else: percentiles of 399 seeded resamples; of the change, both sides resampled together. They are "
        "about the sampling of one generator, not about whether it is right. None where scenarios were "
        "chosen or are past windows, which overlap.",
    ),
    (
        "Depth dependence",
        "USD",
        "The same scenarios with a third of the depth, three times, 14 % of it, and nothing to withdraw. A "
        "conclusion that one of them reverses is not identified by the data.",
    ),
    (
        "Depth against the largest borrower",
        "USD",
        "Sale: min(debt × (1 + bonus), what was supplied), for the largest debt behind the asset, spread "
        "over its collateral by threshold-weighted value. Absorbed: the largest sale whose slippage is at "
        "most b' / (1 + b'), b' = bonus × (1 − protocol fee).",
    ),
    (
        "Top positions",
        "USD",
        "The largest borrowers who hold or owe an asset that a change is about; collateral is what counts.",
    ),
    (
        "Concentration",
        "share",
        "Shares of the 1, 5 and 10 largest accounts, and the Herfindahl index Σ share²: 1 if one account "
        "holds all.",
    ),
    (
        "New-position test",
        "share",
        "An account opened at maximal LTV is liquidated when the pair's price falls by 1 − LTV / threshold. "
        "Share of past 7-day windows in which it fell so far; interest neglected.",
    ),
    (
        "Cap-fill test",
        "USD",
        "min(headroom × LTV × price, what may be borrowed) in the e-mode that pays best: worthless tokens at "
        "oracle par fill the rest of the supply cap. Families: tokens that follow one coin, filled together.",
    ),
    (
        "Feed audit",
        "verdict",
        "Each check compares what the chain answered at the block with the feed's published settings and "
        "with the prices of its family; the figures beside it decide.",
    ),
    (
        "Calls",
        "calldata",
        "ABI encoding of the PoolConfigurator's functions of the market's release, with the values the chain "
        "stores: a bonus includes 100 %.",
    ),
)
METHODS: tuple[tuple[str, str, str], ...] = (*(m for m in OF_REVIEW if m[0] in _SHARED), *_OWN)
