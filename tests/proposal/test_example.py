"""``examples/proposal`` shows what the commands write today."""

from __future__ import annotations

import shlex
from pathlib import Path

from examples.proposal.__main__ import COMMANDS, HERE, ROOT, run


def test_the_post_shown_is_the_post_written(tmp_path: Path) -> None:
    bundle = run(tmp_path, COMMANDS[:2])
    stale = "run python -m examples.proposal"
    for name in ("post.md", "affected.csv"):
        assert (HERE / name).read_text(encoding="utf-8") == (bundle / name).read_text(encoding="utf-8"), stale
    shown = {p.name for p in (HERE / "pictures").iterdir()}
    assert shown == {p.name for p in (bundle / "pictures").iterdir()}, stale


def test_the_page_shows_the_commands_that_are_run() -> None:
    page = (HERE / "README.md").read_text(encoding="utf-8")
    block = page.partition("```sh\n")[2].partition("```")[0].replace("\\\n", " ")
    shown = [shlex.split(line)[1:] for line in block.splitlines()]
    imported = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "examples" / "import").glob("*.csv"))
    written = [
        [q for part in command for q in (imported if part == "examples/import/*.csv" else [part])]
        for command in shown
    ]
    for command, run_here in zip(written, COMMANDS, strict=True):
        assert sorted(command) == sorted(part.replace("{out}", "out/example") for part in run_here)
