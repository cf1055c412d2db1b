"""The solver against practice, 2025 and Maker's governance: the tables of docs/practice.md."""
