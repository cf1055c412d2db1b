"""Scenarios, liquidation, measures and reports; pure arrays, no chain."""
