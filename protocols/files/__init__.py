"""Positions from CSV and Parquet files (docs/data-format.md)."""
