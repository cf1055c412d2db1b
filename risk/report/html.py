"""Writes ``report.html``: one file that opens offline, with interactive charts.

Nothing is loaded from anywhere: Plotly, script and style are inlined once, and the content
security policy names their hashes, so that no other script can run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from risk.report import formats
from risk.report.page import Page, method_id

MAX_FINDINGS = 6  # shown unfolded
EMPTY_STYLE = ""  # Plotly adds an empty style element and fills it by rules


def to_html(page: Page) -> str:
    """Return the report as one self-contained HTML page."""
    style, script, library = _asset("report.css"), _asset("report.js"), plotly_js()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(library)} {_hash(script)}",
            f"style-src-elem {_hash(style)} {_hash(EMPTY_STYLE)}",
            "style-src-attr 'unsafe-inline'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            policy=policy,
            style=Markup(style),
            script=Markup(script),
            library=Markup(library),
            placeholders=style_ids(library),
            unfolded=MAX_FINDINGS,
            infinite=formats.INFINITE_DEPTH,
        )
    )


@cache
def plotly_js() -> str:
    """Return the Plotly library shipped with its Python package."""
    from plotly.offline import get_plotlyjs

    # A closing tag inside a string of the library would end the script element.
    return str(get_plotlyjs()).replace("</script", "<\\/script")


def style_ids(library: str) -> list[str]:
    """Return the ids of style elements the library adds for maps unless they exist.

    The page has no maps and its policy allows no foreign style, so it holds empty elements
    with these ids instead.
    """
    return sorted(set(re.findall(r'document\.getElementById\("([0-9a-f]{64})"\)', library)))


def chart_data(spec: Any) -> Markup:
    """Return a chart as JSON that cannot end its script element."""
    text = json.dumps(spec, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("risk.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["chart_data"] = chart_data
    environment.filters["account"] = formats.account
    environment.filters["sentence"] = formats.sentence
    environment.filters["method_id"] = method_id
    return environment


def _asset(name: str) -> str:
    return files("risk.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
