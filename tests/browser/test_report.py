"""The HTML report in a real browser: charts drawn, nothing refused, tables work, both themes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from risk.report.details import page
from risk.report.html import to_html
from risk.report.page import Page
from tests.risk.report import made
from tests.risk.report.conftest import HOSTILE, HOSTILE_MODE, reviewed

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DARK = "--blink-settings=preferredColorScheme=0"
TIMEOUT_S = 180


@pytest.fixture(scope="session")
def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH")
    return found


@pytest.fixture(scope="session")
def pages() -> dict[str, Page]:
    return {
        "plain": page(reviewed(made.market())),
        "hostile": page(reviewed(made.market(HOSTILE, HOSTILE_MODE))),
    }


def _open(browser: str, text: str, folder: Path, *flags: str, width: int = 1280) -> tuple[str, list[str]]:
    """Open the page and return what the browser printed and what it said on its console."""
    file = folder / "report.html"
    file.write_text(text, encoding="utf-8")
    run = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--v=0",
            "--virtual-time-budget=20000",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},1600",
            *flags,
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    return run.stdout, [line for line in run.stderr.splitlines() if ":CONSOLE" in line]


def _asked(browser: str, text: str, folder: Path, script: str, *flags: str, width: int = 1280) -> Any:
    """Return what ``script`` answers inside the page once its charts are drawn."""
    # Only here: the page's own policy would not let a foreign script run.
    relaxed = re.sub(r"script-src .*?; style", "script-src 'unsafe-inline'; style", text, count=1)
    assert relaxed != text
    probe = (
        "<script>(() => { const wait = () => { if (!document.documentElement.dataset.charts) "
        f"return setTimeout(wait, 50); document.title = JSON.stringify((() => {{ {script} }})()); }}; "
        "wait(); })();</script>"
    )
    dom, console = _open(
        browser, relaxed.replace("</body>", f"{probe}</body>"), folder, "--dump-dom", *flags, width=width
    )
    assert console == []
    title = re.search(r"<title>(.*?)</title>", dom, re.S)
    assert title is not None
    return json.loads(title[1].replace("&quot;", '"').replace("&amp;", "&"))


@pytest.mark.parametrize("which", [pytest.param("plain", marks=pytest.mark.verify), "hostile"])
def test_every_chart_is_drawn_and_nothing_is_refused(
    browser: str, pages: dict[str, Page], which: str, tmp_path: Path
) -> None:
    report = pages[which]
    dom, console = _open(browser, to_html(report), tmp_path, "--dump-dom")
    assert console == []
    charts = [c for s in (*report.sections, *report.details) for c in s.charts]
    assert f'data-charts="{len(charts)}"' in dom
    for chart in charts:
        start = dom.index(f'id="chart-{chart.id}"')
        assert 'class="main-svg"' in dom[start : start + 20_000], chart.id


@pytest.mark.parametrize(
    ("flags", "dark"), [pytest.param((), False, marks=pytest.mark.verify), ((DARK,), True)]
)
def test_it_follows_the_readers_colour_scheme(
    browser: str, pages: dict[str, Page], tmp_path: Path, flags: tuple[str, ...], dark: bool
) -> None:
    shot = tmp_path / "shot.png"
    _open(browser, to_html(pages["plain"]), tmp_path, f"--screenshot={shot}", *flags)
    brightness = float(np.median(matplotlib.image.imread(shot)[..., :3]))
    assert brightness < 0.2 if dark else brightness > 0.9


def test_a_narrow_page_never_scrolls_sideways(browser: str, pages: dict[str, Page], tmp_path: Path) -> None:
    script = "return [document.documentElement.scrollWidth, innerWidth];"
    inner, outer = _asked(browser, to_html(pages["hostile"]), tmp_path, script, width=500)
    assert inner <= outer <= 500


def test_tables_sort_by_value_and_filter_by_whole_address(
    browser: str, pages: dict[str, Page], tmp_path: Path
) -> None:
    wanted = made.address(0x10B6)
    script = f"""
      const table = document.querySelector("#borrowers-table table");
      const head = [...table.querySelectorAll("th")].find((h) => h.textContent.startsWith("Health"));
      const read = () => [...table.tBodies[0].rows].map((r) => Number(r.cells[head.cellIndex].dataset.v));
      head.querySelector("button").click(); const down = [head.ariaSort, read()];
      head.querySelector("button").click(); const up = [head.ariaSort, read()];
      const box = document.querySelector("#accounts-table input");
      box.value = "{wanted.upper()}"; box.dispatchEvent(new Event("input"));
      const rows = [...document.querySelectorAll("#accounts-table tbody tr")];
      return [down, up, rows.length, rows.filter((r) => !r.hidden).map((r) => r.cells[0].title)];
    """
    down, up, total, shown = _asked(browser, to_html(pages["plain"]), tmp_path, script)
    assert (down[0], up[0]) == ("descending", "ascending")
    assert down[1] == sorted(down[1], reverse=True)
    assert up[1] == sorted(up[1])
    assert len(set(up[1])) > 5
    assert (total, shown) == (27, [wanted])


@pytest.mark.verify
def test_it_prints_light_even_where_the_screen_is_dark(
    browser: str, pages: dict[str, Page], tmp_path: Path
) -> None:
    script = """
      const paper = () => getComputedStyle(document.body).backgroundColor;
      const before = paper();
      dispatchEvent(new Event("beforeprint"));
      const during = paper();
      dispatchEvent(new Event("afterprint"));
      return [before, during, paper()];
    """
    before, during, after = _asked(browser, to_html(pages["plain"]), tmp_path, script, DARK)
    assert before == after != during == "rgb(255, 255, 255)"
