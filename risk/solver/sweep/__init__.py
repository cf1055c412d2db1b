"""The sweep at full size: `risk.engine.book_sweep` for hundreds of thousands of accounts, equal results."""
