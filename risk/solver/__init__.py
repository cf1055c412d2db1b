"""Haircuts and buffers: diagnostics now, the joint solver later."""
