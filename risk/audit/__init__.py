"""Joins facts about price feeds with the market that reads them."""
