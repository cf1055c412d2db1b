"""Oracle incidents replayed: the number on record beside the number this library computes.

``python -m examples.incidents`` prints the table; ``--write`` writes it into docs/incidents.md.
"""
