"""Limits under which the made market is solved in a second: everything is tolerated, little may move."""

from __future__ import annotations

LIMITS = """
[tail]
level = 0.8
[bad_debt]
cvar_usd = 1e12
[box]
threshold_bps = 100
threshold_step_bps = 100
ltv_bps = 100
[solver]
relever = [0.0]
"""
