"""``breakwater solve``: the best parameters within a team's limits, with the proof beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from risk.cli.scenario_options import DepthFile, Grids, ScenarioFile, Shocks, sha256_of
from risk.cli.solve_regimes import PHASES as REGIME_PHASES
from risk.cli.solve_regimes import PLANS, check_regimes, regime_plans

if TYPE_CHECKING:
    from risk.cli.proposal_request import Files
    from risk.solver.frontier import Point

FILES = (
    "plan.json",
    "solution.json",
    "solution.md",
    "frontier.csv",
    "frontier.json",
    "frontier.svg",
    "manifest.json",
    *PLANS,
)
DRAWS = 1_000  # days, where no scenarios are given
PHASES = {
    "sweep": "losses of every option",
    "bound": "losses of accounts under one row",
    "search": "choices judged exactly (at most)",
    "certify": "generators certified under",
    "outer": "other histories",
    "sensitivity": "other depths and full utilisation",
    "stages": "stages of the plan",
    "neighbours": "rows whose next candidates are judged",
    "explain": "rows explained",
    "frontier": "points of the frontier",
    **REGIME_PHASES,
}
UNITS = {"value": "USD, bps or rows, as the limit's name says", "gain": "of the objective"}

_HELP = """Choose all collateral parameters at once, within limits.

limits.toml states what is tolerated (breakwater limits init). All rows (collaterals, e-modes) are \
chosen together to proven optimality of an additive model, judged with all of them changed at once, \
and cut until both agree. Doing nothing is judged first. plan.json is read by breakwater propose --from.

Without --scenarios, --shock and --grid: 1,000 days drawn from the filtered historical model that \
ships, starting in stress, seed 1. --certify draws as many under another seed, which the choice was not \
made on, from each generator of --certify-with: stressed, median, falling, bootstrap, mixture, or a TOML \
spec. Whoever draws again because a certificate failed says so with --try: it changes the seed and is \
counted. --outer N judges the choice under N other histories (months drawn anew); --sensitivity N solves \
again, with N attempts each, under a third of the depth, three times it, 86 % less, and full utilisation.

The folder holds copies of all inputs and of the files they name: breakwater verify DIR judges and \
certifies the choice again from it.

With -o what was computed is kept in DIR/.unfinished until the run ends: after Ctrl-C the same command \
goes on where it was and writes the same bytes. --frontier N also writes how borrowing power, borrowers' \
loss and bad debt trade off (frontier.csv, .json, .svg).

Each parameter is explained: what binds, whom it protects, what a step more or less changes, and the prices \
within which the advice stands. That judges the choice some hundred times more by the sweep, and some dozen \
times by the engine; --no-explain leaves it out.

--regimes adds the haircut as a rule of price regime (calm, out of range, stressed): thresholds as \
recommended, LTVs by regime on days drawn from it, tempered by [procyclicality] of the limits, with a plan \
for propose --from of each (regime-*/plan.json), and what such rules did over the past. --candles of ETH up \
to the snapshot tell which regime it is in.

Exit code 1 if no choice keeps the limits.

Examples:

  breakwater limits init limits.toml

  breakwater solve snap --limits limits.toml -o out

  breakwater solve snap --limits limits.toml --draws 5000 --certify 20000 -o out

  breakwater solve snap --limits limits.toml --certify 20000 --certify-with stressed --certify-with \
bootstrap --outer 20 -o out

  breakwater solve snap --limits limits.toml --scenarios december.toml --json

  breakwater solve snap --limits limits.toml --frontier 8 --no-explain -o out

  breakwater solve snap --limits limits.toml --regimes --candles ethusdt_5m.parquet -o out
"""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("solve", help=_HELP, no_args_is_help=True)(solve)


def solve(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot directory.", show_default=False)],
    limits: Annotated[Path, typer.Option("--limits", help="limits.toml.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write into.", show_default=False)
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option("--draws", min=2, help=f"Days drawn from the shipped model. Default: {DRAWS:,}."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**52, help="Of the draws; certificate: the next.")
    ] = 1,
    certified: Annotated[
        int, typer.Option("--certify", min=0, help="Independent days that certify the choice; 0: none.")
    ] = 0,
    certify_with: Annotated[
        list[str] | None,
        typer.Option("--certify-with", help="Generator to certify under; repeatable. Default: stressed."),
    ] = None,
    tries: Annotated[int, typer.Option("--try", min=1, max=10**6, help="Which try to certify this is.")] = 1,
    outer: Annotated[int, typer.Option("--outer", min=0, help="Other histories to judge under.")] = 0,
    sensitivity: Annotated[
        int, typer.Option("--sensitivity", min=0, help="Attempts of each search under other depths; 0: none.")
    ] = 0,
    attempts: Annotated[
        int, typer.Option("--attempts", min=1, help="Most choices judged exactly for each objective.")
    ] = 25,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            min=0,
            help="Judge no further choice after this time; results then depend on the machine.",
            show_default=False,
        ),
    ] = None,
    points: Annotated[
        int, typer.Option("--frontier", min=0, help="Points of each curve of the frontier; 0: none.")
    ] = 0,
    explained: Annotated[
        bool, typer.Option("--explain/--no-explain", help="Judge every parameter again a step either way.")
    ] = True,
    regimes: Annotated[
        bool, typer.Option("--regimes", help="Add the haircut as a rule of price regime.")
    ] = False,
    candles: Annotated[
        list[Path] | None,
        typer.Option("--candles", help="Candles of ETH that tell the regime of now; repeatable."),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Give up what an interrupted run left in the folder.")
    ] = False,
    depth: DepthFile = None,
    scenarios: ScenarioFile = None,
    shock: Shocks = None,
    grid: Grids = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON to stdout instead of text.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Choose all collateral parameters at once, within limits."""
    from protocols.store import digest, load
    from risk.cli.envelope import envelope
    from risk.cli.outputs import refuse_existing, write_files
    from risk.cli.plan_file import NAME, plan_text
    from risk.cli.progress import reporting
    from risk.cli.proposal_request import Files
    from risk.cli.resumable import resumable
    from risk.cli.solve_bundle import bundled
    from risk.cli.solve_request import SolveRequest, generators_asked
    from risk.depth_file import load_depth
    from risk.solver.explain import explain
    from risk.solver.frontier import frontier
    from risk.solver.limits import load_limits
    from risk.solver.recommend import recommend
    from risk.solver.regime_rule import regime_rule
    from risk.solver.regime_text import text as regime_text
    from risk.solver.regime_text import to_json as regime_json
    from risk.solver.search import Effort
    from risk.solver.solution_json import text, to_json

    _check_points(points, output)
    _check_certified(certified, certify_with or [], tries)
    _check_draws(draws, bool(scenarios or shock or grid), regimes)
    drawn = DRAWS if draws is None else draws
    tolerated = load_limits(limits)
    check_regimes(regimes, bool(candles), tolerated)
    if output is not None:
        refuse_existing(output, FILES, force)
    taken = load(snapshot)
    generators, file = generators_asked(certify_with or [])
    request = SolveRequest(
        draws=drawn,
        seed=seed,
        shocks=tuple(shock or []),
        grids=tuple(grid or []),
        certified=certified,
        generators=generators,
        tries=tries,
        outer=outer,
        sensitivity_attempts=sensitivity,
    )
    given = Files(scenarios=scenarios, depth=depth, limits=limits, certify=file)
    batch = request.batch(taken, given)
    inputs = {} if output is None else _copies(given)
    curves = None if depth is None else load_depth(depth, taken)
    hashes = {
        "snapshot_sha256": digest(snapshot),
        "limits_sha256": sha256_of(limits),
        "scenarios_sha256": batch.sha256,
        "depth_sha256": sha256_of(depth),
        "seed": batch.seed,
    }
    effort = Effort(attempts=attempts, seconds=seconds)
    with resumable(output, hashes, restart) as checkpoint, reporting(PHASES) as report:
        solution = recommend(
            taken,
            tolerated,
            batch,
            samples=request.samples(taken, given),
            asked=request.asked,
            depth=curves,
            effort=effort,
            checkpoint=checkpoint,
            progress=report,
        )
        why = (
            explain(solution.setting, solution.chosen, lambda d, n: report("explain", d, n))
            if explained and solution.chosen is not None
            else None
        )
        traded = frontier(solution, points, lambda d, n: report("frontier", d, n)) if points else ()
        rule = (
            regime_rule(
                solution,
                draws=drawn,
                seed=seed,
                certified=certified,
                tries=tries,
                candles=candles or (),
                effort=effort,
                checkpoint=checkpoint,
                progress=report,
            )
            if regimes and solution.chosen is not None
            else None
        )
    data = to_json(solution, why)
    written = text(solution, why)
    if regimes and rule is None:
        data["regimes"] = None
        written += "\n## By price regime\n\nNo rule: there is no recommendation it could vary.\n"
    if rule is not None:
        data["regimes"] = regime_json(rule) | {"candles_sha256": [sha256_of(path) for path in candles or ()]}
        written += "\n" + regime_text(rule)
    body = envelope(
        "breakwater.solution/1",
        data,
        inputs=hashes,
        units=UNITS,
        findings=solution.findings,
    )
    if output is not None:
        files: dict[str, str | bytes] = {"solution.json": body, "solution.md": written}
        if solution.changes:
            files[NAME] = plan_text(digest(snapshot), solution.changes)
        if traded:
            files |= frontier_files(traded, hashes)
        if rule is not None:
            files |= regime_plans(rule, digest(snapshot))
        write_files(output, bundled(snapshot, request, inputs, batch, files))
        if checkpoint is not None:
            checkpoint.remove()
        typer.echo(f"wrote {', '.join(sorted(files))} to {output}", err=True)
    typer.echo(body if as_json else written, nl=False)
    if solution.chosen is None:
        raise typer.Exit(1)


def _copies(given: Files) -> dict[str, bytes]:
    """Return the copies that go into the bundle, and say what is too large for it."""
    from risk.cli.copied_inputs import LARGEST_BYTES

    copies = given.copies()
    for kind in copies.too_large:
        typer.echo(
            f"note: the files of --{kind} are larger than {LARGEST_BYTES:,} bytes and are not copied: verify "
            f"will need them again.",
            err=True,
        )
    return copies.files


def _check_points(points: int, output: Path | None) -> None:
    from abis.errors import InputError

    if points == 1:
        raise InputError("--frontier 1 is no curve.", remedy="Give at least 2.")
    if points and output is None:
        raise InputError(f"--frontier {points} writes files.", remedy="Name a folder with -o.")


def _check_certified(certified: int, generators: Sequence[str], tries: int) -> None:
    """Refuse what speaks of a certificate where none is asked for."""
    from abis.errors import InputError

    said = [f"--certify-with {name}" for name in generators] + [f"--try {tries}"] * (tries > 1)
    if said and not certified:
        raise InputError(
            f"{said[0]} speaks of a certificate, and none is asked for.",
            remedy="Say with --certify how many days it draws.",
        )


def _check_draws(draws: int | None, given: bool, regimes: bool) -> None:
    """Refuse a number of draws where nothing is drawn."""
    from abis.errors import InputError

    if draws is not None and given and not regimes:
        raise InputError(
            f"--draws {draws:,} draws nothing: the scenarios are given.",
            remedy="Leave it out, or leave out --scenarios, --shock and --grid.",
        )


def frontier_files(traded: Sequence[Point], hashes: Mapping[str, Any]) -> dict[str, str | bytes]:
    """Return the files of a frontier."""
    from risk.cli.envelope import envelope
    from risk.solver.frontier_files import UNITS as FRONTIER_UNITS
    from risk.solver.frontier_files import data, picture, table

    body = envelope("breakwater.frontier/1", data(traded), inputs=hashes, units=FRONTIER_UNITS)
    return {"frontier.csv": table(traded), "frontier.json": body, "frontier.svg": picture(traded)}
