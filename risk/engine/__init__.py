"""The liquidation engine: vectorised twins of the exact rules, the harm ledger."""
