"""Trace prices: from an oracle or a price source to everything a price is made of.

All of it is read at one block.  What a contract is said to be rests on three things: it
answers the getters of a known kind (`oracles.recognise`), its answer follows to the unit
from its legs' answers by that kind's exact rule (`oracles.trace_check`), and it reads no
contract beside them (`oracles.trace_inside`).  Whatever fails one of them is an opaque step
with a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abis.calls import Call
from abis.chain import Chain, Header, Progress, silent
from abis.errors import NotAMarket
from abis.findings import Finding, FindingKind, Severity, ranked
from abis.units import WAD
from oracles.recognise import ZERO, Found, name_of
from oracles.touched import Toucher
from oracles.trace_check import check_oracle, hold_against_rules
from oracles.trace_constants import with_constants, with_cutoff
from oracles.trace_discover import Discovery, discover, grow
from oracles.trace_inside import ANSWER, hold_against_calls
from oracles.traced import Kind, Trace, TracedFeed, TracedPrice

_SOURCE_OF = "getSourceOfAsset(address)(address)"
_PRICE_OF = "getAssetPrice(address)(uint256)"
# Newer oracles state what prices are counted in; those of Aave v2 on Ethereum count in ether.
_BASE = ("BASE_CURRENCY()(address)", "BASE_CURRENCY_UNIT()(uint256)", "WETH()(address)")


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset of a market; ``symbol`` is untrusted text."""

    address: str
    symbol: str


def trace_market(
    chain: Chain, block: Header, oracle: str, assets: Sequence[Asset], progress: Progress = silent
) -> Trace:
    """Return how the prices of ``assets`` are made.

    Parameters
    ----------
    chain : Chain
        A connected endpoint.
    block : Header
        The block everything is read at.
    oracle : str
        An AaveOracle: it names a source for each asset and answers its price.
    assets : sequence of Asset
    progress : callable
        Told of the phases ``sources`` and ``checks``.

    Raises
    ------
    NotAMarket
        If ``oracle`` names no source for any asset.
    BlockUnavailable, Reorganised, ChainError
        If the block cannot be read, or left the chain meanwhile.
    """
    n = len(assets)
    calls = [Call(oracle, _SOURCE_OF, (a.address,), optional=True) for a in assets]
    calls += [Call(oracle, _PRICE_OF, (a.address,), optional=True) for a in assets]
    calls += [Call(oracle, signature, optional=True) for signature in _BASE]
    answers = chain.read(calls, block)
    sources, prices, base = answers[:n], answers[n : 2 * n], _base_currency(oracle, *answers[2 * n :])
    if not any(s not in (None, ZERO) for s in sources):
        raise NotAMarket(
            f"{oracle} names no price source for any of {n} assets at block {block.number}.",
            remedy="Give a market's name, an AaveOracle with the assets it prices, or a price source.",
        )
    tracer = _Tracer(chain, block, [s for s in sources if s not in (None, ZERO)], progress)
    traced = []
    for done, (asset, source, answer) in enumerate(zip(assets, sources, prices, strict=True)):
        progress("checks", done, n)
        if base is not None and (asset.address, answer) == (base[0], base[1].answer_raw):
            traced.append(TracedPrice(asset.address, asset.symbol, answer, base[1]))
            continue
        feed = None if source in (None, ZERO) else tracer.tree(source)
        call = Call(oracle, _PRICE_OF, (asset.address,))
        tracer.check_asset(asset, answer, feed, call)
        traced.append(TracedPrice(asset.address, asset.symbol, answer, feed))
    progress("checks", n, n)
    return tracer.result(oracle, traced)


def _base_currency(
    oracle: str, currency: str | None, unit: int | None, ether: str | None
) -> tuple[str, TracedFeed] | None:
    """Return the token an oracle counts in and its price, which is one whatever its source says.

    AaveOracle.sol ``getAssetPrice``: ``asset == BASE_CURRENCY`` (``WETH`` before) is answered
    first.  The US dollar, which is no token, has the zero address.
    """
    if currency is None:
        currency, unit = ether, WAD
    if currency in (None, ZERO) or not unit:
        return None
    digits = len(str(unit)) - 1
    decimals = digits if unit == 10**digits else None
    return currency, TracedFeed(oracle, Kind.BASE_CURRENCY, "", decimals, unit)


def trace_source(chain: Chain, block: Header, source: str, progress: Progress = silent) -> Trace:
    """Return how one price source makes its price; parameters and errors as in `trace_market`.

    Raises
    ------
    NotAMarket
        If no contract there answers ``latestAnswer()``.
    """
    (answer,) = chain.read([Call(source, ANSWER, optional=True)], block)
    if answer is None:
        raise NotAMarket(
            f"{source} answers no latestAnswer() at block {block.number}.",
            remedy="Give a price source, a market's name, or an AaveOracle with --asset.",
        )
    tracer = _Tracer(chain, block, [source], progress)
    return tracer.result("", [TracedPrice("", "", answer, tracer.tree(source))])


class _Tracer:
    def __init__(self, chain: Chain, block: Header, roots: Iterable[str], progress: Progress) -> None:
        self._chain = chain
        self._block = block
        self._toucher = Toucher(chain, block)
        self._findings: list[Finding] = []
        self._trees: dict[str, TracedFeed] = {}
        found = discover(chain, block, roots, progress)
        self._discovery = Discovery({a: self._completed(a, found) for a in found.sources}, found.ratios)

    def _completed(self, address: str, discovery: Discovery) -> Found:
        found = with_cutoff(self._chain, self._block, discovery.sources[address])
        return with_constants(self._chain, self._block, found, self._toucher)

    def tree(self, source: str) -> TracedFeed:
        """Return the checked tree of a source."""
        if source not in self._trees:
            grown = grow(source, self._discovery, self._findings)
            ruled = hold_against_rules(grown, self._block.timestamp_s, self._findings)
            self._trees[source] = hold_against_calls(ruled, self._toucher, self._findings)
        return self._trees[source]

    def check_asset(self, asset: Asset, answer_raw: int | None, feed: TracedFeed | None, call: Call) -> None:
        """Note an asset without a source, and an oracle that does not pass its source on."""
        subject = asset.symbol or asset.address
        if feed is None:
            self._findings.append(_no_source(subject, asset.address, answer_raw))
            return
        self._findings += check_oracle(subject, answer_raw, feed)
        touched = self._toucher.of(call) if answer_raw is not None else None
        hidden = touched.contracts - feed.explained() - {call.target} if touched else ()
        if hidden:
            self._findings.append(_oracle_reads(subject, call.target, sorted(hidden)))

    def result(self, oracle: str, prices: Sequence[TracedPrice]) -> Trace:
        """Return the trace; the block must still be part of the chain."""
        self._chain.confirm(self._block)
        toucher = self._toucher
        checks = (("access lists", toucher.has_access_lists), ("call traces", toucher.has_traces))
        done = tuple(name for name, has in checks if has)
        if not done:
            self._findings.append(_unchecked())
        else:
            known = {finding.subject for finding in self._findings}
            self._findings += [_untold(call) for call in toucher.untold if call.target not in known]
        block = self._block
        return Trace(
            chain_id=self._chain.chain_id,
            block_number=block.number,
            block_hash=block.hash,
            block_time_s=block.timestamp_s,
            oracle=oracle,
            prices=tuple(prices),
            checks=done,
            findings=tuple(ranked(dict.fromkeys(self._findings))),
        )


def _no_source(subject: str, address: str, answer_raw: int | None) -> Finding:
    return Finding(
        FindingKind.MISSING,
        Severity.HIGH,
        subject,
        f"The oracle has no source for {address}; it answers {answer_raw}.",
        remedy="Look at the oracle's fallback; how this price is made is not traced.",
    )


def _oracle_reads(subject: str, oracle: str, hidden: Sequence[str]) -> Finding:
    return Finding(
        FindingKind.ORACLE,
        Severity.MEDIUM,
        subject,
        f"On the way to the source the oracle {oracle} also reads {', '.join(hidden[:4])}.",
        remedy="Read what the oracle does besides asking the source.",
    )


def _untold(call: Call) -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.MEDIUM,
        call.target,
        f"The node does not tell what {name_of(call.signature)}() reads: that it reads no contract beside "
        "its legs was not checked.",
        remedy="Try another node; if it refuses too, read the contract's source code.",
    )


def _unchecked() -> Finding:
    return Finding(
        FindingKind.UNVERIFIED,
        Severity.LOW,
        "node",
        "It serves neither access lists nor call traces: that no source reads a contract beside its "
        "legs was not checked.",
        remedy="Use a node with eth_createAccessList.",
    )
