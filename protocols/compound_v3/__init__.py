"""Compound III (Comet): exact liquidation rules; no adapter yet."""
