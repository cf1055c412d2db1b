"""Market price paths: shocks, grids, historical windows."""
