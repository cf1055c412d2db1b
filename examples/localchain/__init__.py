"""A local chain with published contract bytecode: node, deployment, feeds.

Used by the demo and by the tests that compare Breakwater with the real contracts.
The bytecode and the node come from npm, pinned in ``package-lock.json`` and installed by
``python -m examples.localchain.install``; no contract is committed here.  Markets of three
releases can be deployed: ``aave_v2``, ``aave_v30`` and ``aave_v36``, the last compiled once
from its published source.
"""
