"""From the chain to one neutral, immutable `Snapshot`."""
