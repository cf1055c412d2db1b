"""How each figure is computed: the appendix of the report.

Each entry is figure, unit, and the formula in words.  Exact arithmetic and thresholds are
the market's own liquidation rules at the snapshot's block.
"""

from __future__ import annotations

METHODS: tuple[tuple[str, str, str], ...] = (
    (
        "Oracle value",
        "USD",
        "amount / 10^decimals × price read by the protocol × USD per base-currency unit. Accrued to the "
        "block.",
    ),
    (
        "Health factor (HF)",
        "ratio",
        "Σ collateral value × liquidation threshold / Σ debt value, over collateral that backs debt, "
        "e-mode applied. Next to the liquidation threshold computed in the contract's own integers.",
    ),
    (
        "Distance to liquidation",
        "share",
        "1 − 1 / HF: the uniform fall of all the account's collateral, debt unchanged, at which it can be "
        "liquidated.",
    ),
    (
        "Completeness",
        "share",
        "Σ scaled balances found / scaled total supply of the token, per reserve and side; weighted by "
        "oracle value over reserves.",
    ),
    (
        "Liquidatable debt and accounts",
        "USD, count",
        "Debt of accounts whose health factor is below the liquidation threshold at any time of the "
        "scenario, valued when they first become so.",
    ),
    (
        "Repaid, seized",
        "USD",
        "Sums over simulated liquidation calls under the market's sizing, rounding, fee and dust rules.",
    ),
    (
        "Bad debt",
        "USD",
        "Σ over accounts of debt beyond the executable value of their collateral after liquidations, "
        "spread over the account's debts by value. Depends on depth.",
    ),
    (
        "Booked deficit",
        "USD",
        "The reserve's deficit counter on chain × price.",
    ),
    (
        "Avoidable borrower loss",
        "USD",
        "max(loss − s_ref × r°, 0) per call. Loss: fair value seized − fair value repaid. s_ref: "
        "reference cost of selling that size (no decision variable). r°: smallest repayment that restores "
        "health at fair prices. Depends on depth.",
    ),
    (
        "Loss by cause",
        "USD",
        "Dislocation: liquidated though solvent at fair prices. Excess: repaid beyond what restores "
        "health. Bonus: bonus above the reference cost. They add up to the avoidable loss.",
    ),
    (
        "Toxic volume",
        "USD",
        "Debt repaid in calls that lower the health factor: health below λ = threshold × (1 + bonus).",
    ),
    (
        "Reverse stress",
        "share",
        "The smallest move of a line (one coin with all that follows it, or the market factor), in steps "
        "of 1 % down and 2 % up, whose bad debt exceeds the stated cover. Every step is simulated: losses "
        "need not grow with the move.",
    ),
    (
        "Two largest together",
        "USD",
        "Shortfall: debt of the two largest borrowers beyond the proceeds of selling all their collateral "
        "at once, each taking its share. Depends on depth.",
    ),
    (
        "At-risk flow",
        "USD",
        "Collateral of liquidatable accounts, all assets together in one scenario, and the part "
        "liquidators seized and sold. Members of a family share buyers.",
    ),
    (
        "Slippage",
        "share",
        "1 − proceeds / (size × price) on the depth curve of the asset, scaled with the scenario's price.",
    ),
    (
        "Absorbed within bonus",
        "USD",
        "Largest sale whose slippage is at most b' / (1 + b'), b' = bonus × (1 − protocol fee): a "
        "liquidator does not lose by selling.",
    ),
    (
        "Utilisation",
        "share",
        "debt / (debt + withdrawable liquidity).",
    ),
    (
        "Cap-fill loss",
        "USD",
        "min(remaining supply cap × LTV × oracle price, what may be borrowed), in the e-mode that pays "
        "best: worthless collateral at oracle par. Families: tokens that follow one coin filled together.",
    ),
    (
        "User buffer, protocol buffer",
        "% of collateral value",
        "Threshold − LTV; 1 / (1 + bonus) − threshold.",
    ),
    (
        "Toxic band",
        "health factor",
        "From the health factor at which calls may repay everything up to λ = threshold × (1 + bonus), if "
        "λ is larger.",
    ),
    (
        "Threshold curves",
        "USD, count",
        "Accounts whose health factor falls below the liquidation threshold if one threshold is lowered, "
        "prices unchanged, less those already below. Near the border decided in exact integers.",
    ),
    (
        "Haircuts (diagnostic)",
        "% of collateral value",
        "Threshold asked for: quantile of the pair’s lowest gross return within the delay × (1 − "
        "slippage) / (1 + bonus). LTV asked for: that × quantile of the lowest gross return within the "
        "horizon. Debt-weighted over pairs.",
    ),
    (
        "New position (diagnostic)",
        "share",
        "Share of past windows in which the pair’s price reached LTV / threshold; beside it the first- "
        "passage probability of a geometric Brownian motion of the pair’s volatility, without drift.",
    ),
    (
        "Feed settings",
        "%, time",
        "Configured: stated by a public source. Fitted: estimated from past rounds. Assumed: nobody "
        "stated it. Age: block time − time of the last update.",
    ),
)
