"""The demo market: a local Aave v3.0 with real parameters and hundreds of accounts."""
