"""Parameter changes of an Aave v3 market over a range of blocks, from its contracts' own events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from abis.calls import Call, decode_text, topic
from abis.chain import Chain, Header, Progress, silent
from abis.errors import BadReturn, BlockUnavailable, InputError
from abis.findings import Finding, FindingKind, Severity, ranked
from abis.logs import Log, topic_address
from protocols.aave_v3.addresses import ZERO, read_addresses
from protocols.aave_v3.config_decoding import Statement, statements
from protocols.aave_v3.config_events import EMODE_ASSET, EVENTS, RESERVE
from protocols.aave_v3.previous import Key, previous_values
from protocols.history import UNDECODED, Change, History
from protocols.registry import MarketSpec
from protocols.texts import LONGEST_TEXT, bounded

_REPLACED = (topic("PriceOracleUpdated(address,address)"), topic("ACLManagerUpdated(address,address)"))
_LONGEST_DATA = 200  # characters of an unknown event's data that are kept


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who signed a transaction, and the contract it called."""

    sender: str
    called: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """One statement of one log."""

    log: Log
    statement: Statement

    @property
    def key(self) -> Key:
        s = self.statement
        return Key(self.log.address, s.kind, s.subject, s.parameter, s.hint)


def read_history(
    chain: Chain, spec: MarketSpec, first: int, last: Header, progress: Progress = silent
) -> History:
    """Return what changed in blocks ``first`` to ``last``.

    Parameters
    ----------
    chain : Chain
        A connected endpoint.
    spec : MarketSpec
        The market; its address is the PoolAddressesProvider.
    first : int
        First block of the range.
    last : Header
        Its last block.
    progress : callable
        Told of the phases ``provider``, ``events`` and ``transactions``.

    Returns
    -------
    History
        One change a parameter. An event that repeats the values in force is kept whole; of
        one that changes some, only those that it changes.

    Raises
    ------
    InputError
        If the range is empty.
    NotAMarket
        If the address is no Aave v3 market at the last block.
    BlockUnavailable, Reorganised, ChainError
        If the chain cannot be read.
    """
    if not 0 <= first <= last.number:
        raise InputError(
            f"blocks {first} to {last.number} are no range.", remedy="Give a first block before the last."
        )
    findings: list[Finding] = []
    blocks = range(first, last.number + 1)
    addresses = chain.run(last, read_addresses(spec, last))
    before = chain.block(max(first - 1, 0))
    logs = _config_logs(chain, spec.address, blocks, (before, last), progress)
    entries = [_Entry(log, s) for log in logs for s in _stated(log)]
    olds = _old_values(chain, addresses.pool, entries, before, findings)
    kept = _changed(entries, olds)
    changes = _changes(chain, kept, last, progress, findings)
    findings += _undecoded(log for log in logs if statements(log) is None)
    chain.confirm(last)
    return History(spec.name, chain.chain_id, first, last.number, changes, tuple(ranked(findings)))


def _config_logs(
    chain: Chain, provider: str, blocks: range, ends: Sequence[Header], progress: Progress
) -> list[Log]:
    """Return the logs of every contract that held the market's configuration in ``blocks``."""
    own = _logs(chain, [provider], blocks, progress, "provider")
    others = {a.lower() for end in ends for a in _contracts(chain, provider, end)}
    # An oracle or a manager that came and went within the range is named by the provider.
    for log in own:
        if log.topics[:1] in [(t,) for t in _REPLACED]:
            others |= {topic_address(t) for t in log.topics[1:]}
    others -= {ZERO, provider.lower()}
    return sorted(own + _logs(chain, sorted(others), blocks, progress, "events"), key=lambda log: log.block)


def _logs(chain: Chain, contracts: Sequence[str], blocks: range, progress: Progress, phase: str) -> list[Log]:
    pieces = chain.logs(contracts, [], blocks, progress, phase)
    return sorted((log for piece in pieces for log in piece.logs), key=lambda log: log.block)


def _contracts(chain: Chain, provider: str, block: Header) -> list[str]:
    getters = ("getPoolConfigurator()(address)", "getACLManager()(address)", "getPriceOracle()(address)")
    try:
        answers = chain.read([Call(provider, g, optional=True) for g in getters], block)
    except BlockUnavailable:  # before the range only; what it says comes as a finding
        return []
    return [a for a in answers if a is not None]


def _stated(log: Log) -> list[Statement]:
    found = statements(log)
    if found is not None:
        return found
    return [Statement(UNDECODED, "", UNDECODED, None, log.data[:_LONGEST_DATA])]


def _old_values(
    chain: Chain, pool: str, entries: Iterable[_Entry], before: Header, findings: list[Finding]
) -> list[str | None]:
    """Return the value before each entry: the event's own, the last one seen, or the chain's."""
    entries = list(entries)
    wanted = list(dict.fromkeys(e.key for e in entries if e.statement.old is None))
    try:
        seen: dict[Key, str | None] = dict(previous_values(chain, pool, wanted, before))
    except BlockUnavailable:
        seen = {}
        findings.append(_no_state(before))
    olds = []
    for entry in entries:
        s, key = entry.statement, entry.key
        olds.append(seen.get(key) if s.old is None else s.old)
        if s.parameter == "listed" and s.new == "false":
            # What the pool kept of the asset is gone; the oracle's source stays.
            gone = [k for k in seen if k[1:3] == key[1:3] and k.parameter != "feed_source"]
            for k in gone:
                seen[k] = None
        seen[key] = s.new
    return olds


def _changed(entries: Sequence[_Entry], olds: Sequence[str | None]) -> list[tuple[_Entry, str | None]]:
    """Return entry and old value of what changed; of events that changed nothing, everything."""
    groups: dict[int, list[tuple[_Entry, str | None]]] = {}
    for entry, old in zip(entries, olds, strict=True):
        groups.setdefault(id(entry.log), []).append((entry, old))
    kept = []
    for group in groups.values():
        moved = [(e, old) for e, old in group if old != e.statement.new]
        kept += moved or group
    return kept


def _changes(
    chain: Chain,
    kept: Sequence[tuple[_Entry, str | None]],
    last: Header,
    progress: Progress,
    findings: list[Finding],
) -> tuple[Change, ...]:
    senders, times = _circumstances(chain, [e.log for e, _ in kept], progress)
    symbols = _symbols(chain, [e.statement for e, _ in kept], last, findings)
    return tuple(
        Change(
            block=e.log.block,
            timestamp_s=times[e.log.block],
            transaction=e.log.transaction,
            sender=senders[e.log.transaction].sender,
            called=senders[e.log.transaction].called,
            contract=str(to_checksum_address(e.log.address)),
            event=_event_name(e.log),
            kind=e.statement.kind,
            subject=e.statement.subject,
            symbol=symbols.get(_asset(e.statement), ""),
            parameter=e.statement.parameter,
            old=old,
            new=e.statement.new,
        )
        for e, old in kept
    )


def _circumstances(
    chain: Chain, logs: Sequence[Log], progress: Progress
) -> tuple[dict[str, _Sender], dict[int, int]]:
    """Return who sent each transaction and the time of each block."""
    transactions = list(dict.fromkeys(log.transaction for log in logs))
    blocks = list(dict.fromkeys(log.block for log in logs))
    total = len(transactions) + len(blocks)
    senders, times = {}, {}
    for hash_ in transactions:
        senders[hash_] = _sender(chain, hash_)
        progress("transactions", len(senders), total)
    for number in blocks:
        times[number] = chain.block(number).timestamp_s
        progress("transactions", len(senders) + len(times), total)
    return senders, times


def _sender(chain: Chain, transaction: str) -> _Sender:
    found: Any = chain.request("eth_getTransactionByHash", [transaction]) if transaction else None
    if not isinstance(found, dict):
        return _Sender("", "")
    return _Sender(_address_text(found.get("from")), _address_text(found.get("to")))


def _address_text(value: Any) -> str:
    try:
        return str(to_checksum_address(value))
    except (TypeError, ValueError):
        return ""


def _symbols(
    chain: Chain, stated: Iterable[Statement], block: Header, findings: list[Finding]
) -> dict[str, str]:
    assets = sorted({_asset(s) for s in stated} - {""})
    answers = chain.read([Call(a, "symbol()", optional=True) for a in assets], block)
    symbols = {}
    for asset, data in zip(assets, answers, strict=True):
        try:
            symbols[asset] = bounded(decode_text(data or b""), "symbol", asset, findings)
        except BadReturn:
            symbols[asset] = ""
    return symbols


def _asset(statement: Statement) -> str:
    if statement.kind == EMODE_ASSET:
        return statement.subject.partition(":")[2]
    return statement.subject if statement.kind == RESERVE else ""


def _event_name(log: Log) -> str:
    event = EVENTS.get(log.topics[0]) if log.topics and statements(log) is not None else None
    return event.name if event else (log.topics[0] if log.topics else "anonymous")[: LONGEST_TEXT + 2]


def _undecoded(logs: Iterable[Log]) -> Iterator[Finding]:
    counts = Counter((log.address, log.topics[0] if log.topics else "no topic") for log in logs)
    for (address, name), count in counts.items():
        yield Finding(
            FindingKind.UNSUPPORTED,
            Severity.LOW,
            str(to_checksum_address(address)),
            f"{count} events of topic {name} are not known or do not decode; listed undecoded.",
        )


def _no_state(before: Header) -> Finding:
    return Finding(
        FindingKind.MISSING,
        Severity.LOW,
        f"block {before.number}",
        "The node does not have its state: the first old value of a parameter is known only "
        "where the event tells it.",
        remedy="Use an archive node.",
    )
