"""The files people read: the post with its pictures, and the report."""

from __future__ import annotations

from risk.proposal.dossier import Dossier
from risk.proposal.post import pictures, post
from risk.proposal.report import page
from risk.report.html import to_html

POST, REPORT = "post.md", "report.html"


def published(dossier: Dossier) -> dict[str, str]:
    """Return path below the output folder and text of every file, the post first.

    The paths are the project's own: no name from the chain is in them.
    """
    laid_out = page(dossier)
    return {POST: post(dossier, laid_out), REPORT: to_html(laid_out), **pictures(laid_out)}
