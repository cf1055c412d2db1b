"""From market prices to the number a protocol reads."""
