"""Market price paths: shocks, grids, historical windows, generated paths, depegs and mixtures."""
