"""A proposal's report in a real browser: drawn, sorted and searched by keyboard, accessible, closed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from risk.proposal.report import every_chart, page
from risk.report.html import to_html
from tests.risk.proposal.pages import hostile, plain

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
FLAGS += ["--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    made = {}
    for name, dossier in (("plain", plain()), ("hostile", hostile())):
        made[name] = folder / f"{name}.html"
        made[name].write_text(to_html(page(dossier)), encoding="utf-8")
    return made


def _open(browser: Browser, file: Path, width: int = 1280, scheme: str = "light", **more: bool) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )
    tab = context.new_page()
    tab.goto(file.as_uri())
    tab.wait_for_selector("html[data-charts]", state="attached")
    return tab


@pytest.mark.parametrize("which", [pytest.param("plain", marks=pytest.mark.verify), "hostile"])
def test_it_draws_all_charts_quietly_and_asks_nobody(
    browser: Browser, files: dict[str, Path], which: str
) -> None:
    said: list[str] = []
    asked: list[str] = []
    tab = browser.new_context().new_page()
    tab.on("console", lambda m: said.append(m.text))
    tab.on("pageerror", lambda e: said.append(str(e)))
    tab.on("request", lambda r: asked.append(r.url))
    tab.goto(files[which].as_uri())
    tab.wait_for_selector("html[data-charts]", state="attached")
    charts = every_chart(page({"plain": plain, "hostile": hostile}[which]()))
    assert tab.locator(".plot svg.main-svg").count() >= len(charts) > 5
    assert said == []
    assert [u for u in asked if not u.startswith(("file:", "data:", "blob:"))] == []
    tab.context.close()


def test_sort_and_search_by_keyboard(browser: Browser, files: dict[str, Path]) -> None:
    tab = _open(browser, files["plain"])
    head = tab.locator("#positions-table th", has_text="Health before")
    head.locator("button").focus()
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    k = head.evaluate("e => e.cellIndex")
    values = tab.locator("#positions-table tbody tr").evaluate_all(
        f"rows => rows.map(r => Number(r.cells[{k}].dataset.v))"
    )
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 5
    account = tab.locator("#positions-table tbody td").first.get_attribute("title")
    assert account
    tab.locator("#positions-table input").focus()
    tab.keyboard.type(account)
    assert tab.locator("#positions-table tbody tr:visible").count() == 1
    assert tab.locator("#positions-table .count").inner_text().startswith("1 of ")
    tab.context.close()


def test_the_theme_can_be_chosen(browser: Browser, files: dict[str, Path]) -> None:
    tab = _open(browser, files["plain"])
    paper = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(paper)
    tab.locator("#theme").press("Enter")
    assert tab.evaluate(paper) != light
    assert tab.locator("#theme").inner_text() == "Light theme"
    tab.locator("#theme").press("Enter")
    assert tab.evaluate(paper) == light
    tab.context.close()


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        pytest.param("light", 1280, marks=pytest.mark.verify),
        ("dark", 360),
        pytest.param("light", 360, marks=pytest.mark.verify),
        pytest.param("dark", 1280, marks=pytest.mark.verify),
    ],
)
def test_nothing_serious_stands_in_anybodys_way(
    browser: Browser, files: dict[str, Path], scheme: str, width: int
) -> None:
    tab = _open(browser, files["plain"], width, scheme, bypass_csp=True)
    violations = Axe().run(tab).response["violations"]
    assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.context.close()


def test_no_other_script_runs(browser: Browser, files: dict[str, Path], tmp_path: Path) -> None:
    text = files["plain"].read_text(encoding="utf-8")
    attacked = tmp_path / "attacked.html"
    attacked.write_text(text.replace("</body>", "<script>window.hit = 1</script></body>"), encoding="utf-8")
    tab = _open(browser, attacked)
    assert tab.evaluate("window.hit") is None
    tab.context.close()
