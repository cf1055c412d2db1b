"""Worked examples: a local chain with real contracts and a demo market on it."""
