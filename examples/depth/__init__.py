"""An assumed depth file for the demo market."""
