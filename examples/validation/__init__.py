"""Ours beside the source's: closed forms, counter-examples, events and a back-test."""
