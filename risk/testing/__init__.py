"""Hypothesis strategies for reserves, books and snapshots, valid by construction.

Needs the ``testing`` extra.  Bounds are named at the top of each module::

    from hypothesis import given
    from risk.testing.snapshots import snapshots

    @given(snapshots())
    def test_my_law(snapshot): ...
"""
