"""The shapes of Chainlink feeds: a proxy with its aggregators, and an aggregator by itself.

Sources: EACAggregatorProxy.sol and FluxAggregator.sol (v0.6), OCR2Aggregator.sol, and
DualAggregator.sol, whose private path only the secondary proxy reads: its answers depend on
who asks, so a feed's answer is what its *proxy* says.
"""

from __future__ import annotations

from typing import Any

from abis.calls import Call
from abis.chain import Header, Reading
from abis.findings import Finding, FindingKind, Severity
from oracles.recognise import ZERO, Answers, Fit, Fitting, Shape, require, text_of
from oracles.traced import FeedSettings, Kind

_ROUND_DATA = "latestRoundData()(uint80,int256,uint256,uint256,uint80)"
_MOST_PHASES = 64
_PHASE_SHIFT = 64
_DUAL = "DualAggregator "
# OCR aggregators state bounds on answers, those before them on submissions.
_BOUNDS = (
    ("minAnswer()(int192)", "maxAnswer()(int192)"),
    ("minSubmissionValue()(int256)", "maxSubmissionValue()(int256)"),
)


def _proxy(address: str, block: Header, a: Answers) -> Fitting:
    aggregator, phase = a["aggregator"], a["phaseId"]
    require(aggregator != ZERO, "it has no aggregator")
    require(0 < phase <= _MOST_PHASES, f"its phase is {phase}")
    round_id, _, _, updated_at_s, _ = _round(block, a)
    require(round_id >> _PHASE_SHIFT == phase, f"its round {round_id} is not of phase {phase}")
    phases = yield [
        Call(address, "phaseAggregators(uint16)(address)", (n,), optional=True) for n in range(1, phase + 1)
    ]
    require(phases[-1] == aggregator, "its phases do not end with its aggregator")
    settings, findings = yield from _aggregator_settings(address, aggregator, a, tuple(phases))
    controller = a["accessController"]
    inside = (aggregator,) if controller in (None, ZERO) else (aggregator, controller)
    return Fit(_kind(settings), settings, (), inside, updated_at_s, findings=findings)


def _aggregator(address: str, block: Header, a: Answers) -> Fitting:
    _, _, _, updated_at_s, _ = _round(block, a)
    settings, findings = yield from _aggregator_settings(address, address, a, (address,))
    return Fit(_kind(settings), settings, updated_at_s=updated_at_s, findings=findings)


def _round(block: Header, a: Answers) -> tuple[int, int, int, int, int]:
    data: tuple[int, int, int, int, int] = a["latestRoundData"]
    require(data[1] == a["latestAnswer"], "latestRoundData() and latestAnswer() differ")
    require(0 < data[3] <= block.timestamp_s, f"its round was updated at {data[3]}, not before the block")
    return data


def _aggregator_settings(
    address: str, aggregator: str, a: Answers, phases: tuple[str, ...]
) -> Reading[tuple[FeedSettings, tuple[Finding, ...]]]:
    decimals, name, *bounds = yield [
        Call(aggregator, "decimals()(uint8)", optional=True),
        Call(aggregator, "typeAndVersion()", optional=True),
        *(Call(aggregator, bound, optional=True) for pair in _BOUNDS for bound in pair),
    ]
    require(decimals == a["decimals"], f"its aggregator has {decimals} decimals and it has {a['decimals']}")
    low, high = _bounds(bounds)
    findings: tuple[Finding, ...] = ()
    if low is None or high is None or low > high or high < 1:  # no price above 0 fits
        low, high = None, None
        findings = (_no_bounds(address, aggregator),)
    return FeedSettings(aggregator, phases, low, high, text_of(name)), findings


def _bounds(answers: list[Any]) -> tuple[int | None, int | None]:
    pairs = zip(answers[::2], answers[1::2], strict=True)
    return next((pair for pair in pairs if None not in pair), (None, None))


def _kind(settings: FeedSettings) -> Kind:
    return Kind.SVR_FEED if settings.type_and_version.startswith(_DUAL) else Kind.FEED


def _no_bounds(address: str, aggregator: str) -> Finding:
    return Finding(
        FindingKind.MISSING,
        Severity.LOW,
        address,
        f"The aggregator {aggregator} states no bounds on its answers; none are assumed.",
        remedy="Read the aggregator's source code for limits it may have.",
    )


_FEED_GETTERS = (_ROUND_DATA,)

FEEDS = (
    Shape(
        "Chainlink proxy",
        marks=("aggregator()(address)", "phaseId()(uint16)"),
        getters=_FEED_GETTERS,
        extras=("accessController()(address)",),
        foreign=(),
        fit=_proxy,
    ),
    *(
        Shape(
            "Chainlink aggregator",
            marks=pair,
            getters=_FEED_GETTERS,
            extras=(),
            foreign=(),
            fit=_aggregator,
        )
        for pair in _BOUNDS
    ),
)
