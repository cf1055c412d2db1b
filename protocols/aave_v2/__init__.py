"""Aave v2: the reader of its markets; its rules are those of release 2.0 in `protocols.aave_v3`."""
