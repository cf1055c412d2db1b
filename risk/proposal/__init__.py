"""Changes of a market's parameters: read, checked by the market's own rules, applied, and compared."""
