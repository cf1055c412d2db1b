"""The command line; the one package that may import everything, inside its commands."""
