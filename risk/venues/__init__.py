"""Exchanges: liquidation cascades of leveraged positions, as a source of scenarios (see docs/venues.md)."""
