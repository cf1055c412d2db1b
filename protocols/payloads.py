"""Finds what encodes and decodes the payloads of a market; nothing else asks which protocol it is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Protocol, cast

from abis.errors import InputError
from protocols.payload_calls import DecodedCall, PayloadCall, Route, Setting
from protocols.snapshot import Market, Reserve, Snapshot

_FAMILIES = {"aave-v3": "protocols.aave_v3.payloads", "spark": "protocols.aave_v3.payloads"}


class PayloadCodec(Protocol):
    """What a protocol's ``payloads.py`` offers."""

    def encode(self, route: Route, after: Snapshot, settings: Sequence[Setting]) -> tuple[PayloadCall, ...]:
        """Return the calls that make ``settings``."""

    def decode(self, data: bytes, version: str) -> DecodedCall | None:
        """Return what one call sets, or None if it is not known."""

    def name_of(self, selector: bytes) -> str:
        """Return the name of a function that is known and not read; empty if it is not known."""

    def keeps_ltv_for_later(self, snapshot: Snapshot, reserve: Reserve) -> bool:
        """Return whether a new LTV of ``reserve`` waits until it is unfrozen."""


def has_payloads(market: Market) -> bool:
    """Return whether payloads of this market can be written and read."""
    return _family(market) in _FAMILIES


def codec_of(market: Market) -> PayloadCodec:
    """Return what encodes and decodes the payloads of a market.

    Raises
    ------
    InputError
        If its protocol's payloads are not known.
    """
    if not has_payloads(market):
        raise InputError(
            f"calls for {market.protocol} are not known.", remedy="Use a snapshot of an Aave v3 market."
        )
    module: ModuleType = import_module(_FAMILIES[_family(market)])
    return cast(PayloadCodec, module)


def _family(market: Market) -> str:
    return market.protocol.replace("_", "-")
