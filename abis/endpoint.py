"""RPC URLs carry keys: how an endpoint is named to people, and how its texts are cleaned."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

_SHORTEST_SECRET = 8
_LONGEST_TEXT = 200


def mask_url(url: str) -> str:
    """Return ``url`` with everything after the host and every credential hidden.

    >>> mask_url("https://user:pass@eth-mainnet.example/v2/key?token=1")
    'https://eth-mainnet.example/***'
    >>> mask_url("http://127.0.0.1:8545")
    'http://127.0.0.1:8545'
    """
    parts = _split(url)
    if parts is None or not parts.scheme or not parts.hostname:
        return "***"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    hidden = "/***" if parts.path.strip("/") or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{port}{hidden}"


def scrub(text: str, url: str) -> str:
    """Return what an endpoint said, on one short line and without the parts of its URL.

    Servers echo keys ("invalid project id ..."), and their texts are untrusted.
    """
    text = text.replace(url, mask_url(url))
    parts = _split(url)
    if parts is not None:
        pieces = re.split(
            r"[/?&=:@]", f"{parts.path}?{parts.query}?{parts.username or ''}?{parts.password or ''}"
        )
        # As written in the URL, and as the server reads it.
        for piece in sorted({*pieces, *map(unquote, pieces)}, key=len, reverse=True):
            if len(piece) >= _SHORTEST_SECRET:
                text = text.replace(piece, "***")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST_TEXT else line[:_LONGEST_TEXT] + "..."


def is_http_url(url: str) -> bool:
    """Return whether ``url`` is an http(s) URL with a host."""
    parts = _split(url)
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
