"""Find every contract a set of prices is made of, level by level, and grow the trees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from abis.chain import Chain, Header, Progress, silent
from abis.findings import Finding, FindingKind, Severity
from oracles.recognise import ZERO, Found, recognise
from oracles.recognise_adapters import ADAPTERS
from oracles.recognise_feeds import FEEDS
from oracles.recognise_ratio import recognise_ratio
from oracles.traced import Kind, RatioCapSettings, Role, TracedFeed

SHAPES = (*FEEDS, *ADAPTERS)
DEEPEST = 8
_MOST_SOURCES = 1_000  # a hostile source can name ever new ones


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything that was found, by address.

    Parameters
    ----------
    sources : dict of str to Found
        Prices and whatever else was named as a leg.
    ratios : dict of str to Found
        What each ratio cap's provider is to it, by the cap's address.
    """

    sources: dict[str, Found]
    ratios: dict[str, Found]


def discover(chain: Chain, block: Header, roots: Iterable[str], progress: Progress = silent) -> Discovery:
    """Return everything that ``roots`` are made of.

    Parameters
    ----------
    chain : Chain
    block : Header
        The pinned block.
    roots : iterable of str
        Addresses of price sources.
    progress : callable
        Told of the phase ``sources``.

    Raises
    ------
    BlockUnavailable, Reorganised, ChainError
        If the block cannot be read.
    """
    sources: dict[str, Found] = {}
    ratios: dict[str, Found] = {}
    level = _new(roots, sources)
    for _ in range(DEEPEST):
        if not level:
            break
        progress("sources", len(sources), len(sources) + len(level))
        found = chain.together(block, *(recognise(address, block, SHAPES) for address in level))
        sources.update(zip(level, found, strict=True))
        ratios |= _read_ratios(chain, block, found)
        level = _new((leg for each in found for _, leg in each.legs), sources)
    progress("sources", len(sources), len(sources))
    return Discovery(sources, ratios)


def _new(addresses: Iterable[str], known: dict[str, Found]) -> list[str]:
    fresh = [a for a in dict.fromkeys(addresses) if a not in known and a != ZERO]
    return fresh[: max(_MOST_SOURCES - len(known), 0)]


def _read_ratios(chain: Chain, block: Header, found: Sequence[Found]) -> dict[str, Found]:
    caps = [each for each in found if each.kind is Kind.RATIO_CAP]
    readings = []
    for cap in caps:
        assert isinstance(cap.settings, RatioCapSettings)
        assert cap.ratio_raw is not None
        provider = next(leg for role, leg in cap.legs if role is Role.RATIO)
        readings.append(recognise_ratio(provider, cap.ratio_raw, cap.settings.ratio_decimals))
    return dict(zip((cap.address for cap in caps), chain.together(block, *readings), strict=True))


def grow(root: str, discovery: Discovery, findings: list[Finding]) -> TracedFeed:
    """Return the tree of a source; what is wrong with its shape goes to ``findings``."""
    return _Grower(discovery, findings).price(root, ())


@dataclass(frozen=True, slots=True)
class _Grower:
    discovery: Discovery
    findings: list[Finding]

    def price(self, address: str, path: tuple[str, ...]) -> TracedFeed:
        found = self.discovery.sources.get(address)
        if address in path:
            return self._stopped(address, Severity.HIGH, "its price is made of itself")
        if found is None:
            return self._stopped(address, Severity.MEDIUM, f"more than {DEEPEST} sources lie above it")
        return self._node(found, (*path, address))

    def _node(self, found: Found, path: tuple[str, ...]) -> TracedFeed:
        self.findings.extend(found.findings)
        legs = tuple((role, self._leg(found, role, leg, path)) for role, leg in found.legs)
        times = [feed.updated_at_s for _, feed in legs if feed.updated_at_s is not None]
        return TracedFeed(
            address=found.address,
            kind=found.kind,
            description=found.description,
            decimals=found.decimals,
            answer_raw=found.answer_raw,
            updated_at_s=min(times, default=found.updated_at_s),
            settings=found.settings,
            legs=legs,
            inside=found.inside,
        )

    def _leg(self, parent: Found, role: Role, address: str, path: tuple[str, ...]) -> TracedFeed:
        if role is not Role.RATIO:
            return self.price(address, path)
        # A provider may be a source of prices itself, as exchange-rate feeds are.
        source = self.discovery.sources.get(address)
        is_source = source is not None and source.kind is not Kind.OPAQUE
        if is_source and source is not None and source.answer_raw == parent.ratio_raw:
            return self.price(address, path)
        ratio = self._node(self.discovery.ratios[parent.address], path)
        return replace(ratio, description=source.description if source else "")

    def _stopped(self, address: str, severity: Severity, why: str) -> TracedFeed:
        self.findings.append(
            Finding(
                FindingKind.UNSUPPORTED,
                severity,
                address,
                f"How this source makes its price is not known: {why}.",
                remedy="Read its source code; what it does to a price is not modelled.",
            )
        )
        found = self.discovery.sources.get(address)
        answer = None if found is None else found.answer_raw
        return TracedFeed(address, Kind.OPAQUE, "", None, answer)
