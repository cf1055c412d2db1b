"""Prices, books, open interest and funding of exchanges: fetch, check, and the fair price."""
