"""Morpho Blue: exact liquidation rules; no adapter yet."""
