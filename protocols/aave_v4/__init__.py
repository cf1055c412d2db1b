"""Aave v4: exact liquidation rules; no adapter yet."""
