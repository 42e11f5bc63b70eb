"""Finding hosts on the local network, and being found: DNS service discovery over multicast DNS.

A host announces ``NAME._midi2._udp.local`` with its port and two texts, ``UMPEndpointName`` and
``ProductInstanceId`` (M2-124-UM, 4.4); a client asks for all of them. Pure: messages and times in,
messages and what has been found out. RFC 6762 is named where a rule comes from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from ipaddress import ip_address

from conduit.contracts.errors import InvalidInput
from conduit.midi.network.dns import (
    Message,
    Name,
    Question,
    Record,
    Target,
    Texts,
    Type,
    decode,
    encode,
    folded,
)
from conduit.midi.network.identity import Identity

SERVICE: Name = ("_midi2", "_udp", "local")
_ALL: Name = ("_services", "_dns-sd", "_udp", "local")
_TTL_S = 120
_LONG_TTL_S = 4500
_PROBES = 3
_PROBE_WAIT_S = 0.25
_RENAMES = 20
_SAME_AGAIN_S = 1.0
_SERVICES = 256
_ADDRESSES = 8
_CHECK_S = 10.0
_ASK_TRIES = 6


@dataclass(frozen=True, slots=True)
class Service:
    """A host that was found. ``addresses`` are IP addresses as text; all of it is what it says."""

    instance: str
    identity: Identity
    port: int
    addresses: tuple[str, ...]


class Announcer:
    """Makes one host findable. ``outbox`` are messages for the multicast group.

    ``label`` is the name it wants, at most 63 bytes; when somebody has it already it becomes
    ``"label (2)"`` and so on, and ``instance`` says which it is (RFC 6762, 8 and 9).
    """

    def __init__(
        self,
        label: str,
        identity: Identity,
        port: int,
        addresses: tuple[str, ...],
        host_label: str,
        now: float,
    ) -> None:
        self.outbox: list[bytes] = []
        self._label = label
        self._identity = identity
        self._port = port
        self._host: Name = (host_label, "local")
        self._addresses = addresses
        self._number = 1
        self._left = False
        self._steps = 0
        self._at = now
        self._said_at = -_SAME_AGAIN_S
        encode(Message(answers=self._records()))  # names that do not fit fail here, not later
        self.tick(now)

    @property
    def instance(self) -> str:
        if self._number == 1:
            return self._label
        tail = f" ({self._number})"
        room = 63 - len(tail)
        return self._label.encode()[:room].decode(errors="ignore") + tail

    @property
    def settled(self) -> bool:
        """Whether the name is ours: nobody has said otherwise while we asked."""
        return self._steps > _PROBES

    def deadline(self) -> float | None:
        return None if self._left or self._steps >= _PROBES + 2 else self._at

    def tick(self, now: float) -> None:
        """Ask three times whether the name is free, then say twice that it is ours."""
        if self._left or self._steps >= _PROBES + 2 or now < self._at:
            return
        self._steps += 1
        if self._steps <= _PROBES:
            self._at = now + _PROBE_WAIT_S
            name = (self.instance, *SERVICE)
            ours = tuple(each for each in self._records() if each.name == name)
            self.outbox.append(encode(Message((Question(name, Type.ANY),), proposed=ours)))
        else:
            self._at = now + 1.0
            self._announce(now)

    def receive(self, data: bytes, now: float) -> None:
        try:
            message = decode(data)
        except InvalidInput:
            return  # not for us: other programs speak here too
        if self._left:
            return
        if message.response:
            self._look_for_rivals((*message.answers, *message.more), now)
            return
        if not self.settled:
            self._look_for_rivals(message.proposed, now, both_ask=True)
            return
        if now - self._said_at >= _SAME_AGAIN_S and self._is_asked(message):
            self._announce(now)

    def leave(self) -> None:
        """Have others forget this host."""
        if self.settled and not self._left:
            gone = tuple(replace(each, ttl_s=0) for each in self._records())
            self.outbox.append(encode(Message(answers=gone, response=True)))
        self._left = True

    def _announce(self, now: float) -> None:
        self._said_at = now
        self.outbox.append(encode(Message(answers=self._records(), response=True)))

    def _is_asked(self, message: Message) -> bool:
        """Whether a question is about us, and is not answered by what the asker knows already
        (RFC 6762, 7.1)."""
        ours = self._records()
        known = {
            (folded(each.name), each.type, each.data)
            for each in message.answers
            if each.ttl_s > _TTL_S // 2
        }
        for question in message.questions:
            name = folded(question.name)
            for each in ours:
                fits = question.type in (each.type, Type.ANY) and folded(each.name) == name
                if fits and (name, each.type, each.data) not in known:
                    return True
        return False

    def _look_for_rivals(
        self, records: tuple[Record, ...], now: float, *, both_ask: bool = False
    ) -> None:
        """Somebody else's records under our name make us take another one. When both only ask for
        it, the greater SRV record keeps it (RFC 6762, 8.2)."""
        name = folded((self.instance, *SERVICE))
        ours = Target(self._host, self._port)
        for each in records:
            if folded(each.name) != name or each.type != Type.SRV or each.ttl_s == 0:
                continue
            theirs = each.data
            if not isinstance(theirs, Target) or theirs == ours:
                continue
            if both_ask and (theirs.port, theirs.host) < (ours.port, ours.host):
                continue
            if self._number < _RENAMES:
                self._number += 1
                self._steps, self._at = 0, now + _PROBE_WAIT_S
            return

    def _records(self) -> tuple[Record, ...]:
        name = (self.instance, *SERVICE)
        texts = Texts(
            (
                ("UMPEndpointName", self._identity.name),
                ("ProductInstanceId", self._identity.product_instance_id),
            )
        )
        addresses = (ip_address(each) for each in self._addresses)
        return (
            Record(_ALL, Type.PTR, _LONG_TTL_S, SERVICE),
            Record(SERVICE, Type.PTR, _LONG_TTL_S, name),
            Record(name, Type.SRV, _TTL_S, Target(self._host, self._port), unique=True),
            Record(name, Type.TXT, _LONG_TTL_S, texts, unique=True),
            *(
                Record(
                    self._host,
                    Type.A if each.version == 4 else Type.AAAA,
                    _TTL_S,
                    each.packed,
                    unique=True,
                )
                for each in addresses
            ),
        )


@dataclass(slots=True)
class _Known:
    """What is known of one name, with the time until which it holds."""

    label: str
    until: float
    target: Target | None = None
    host: Name = ()
    """The target's name, folded."""
    texts: Texts | None = None
    asked_at: float = -math.inf
    asked: int = 0


class Browser:
    """Finds hosts. ``outbox`` are questions for the multicast group, ``services`` what is there.

    It asks at once, then after 1, 3, 9, … seconds up to an hour, and listens all the time (RFC
    6762, 5.2). At most 256 hosts are known at a time, and 8 addresses of each.
    """

    def __init__(self, now: float) -> None:
        self.outbox: list[bytes] = []
        self._known: dict[Name, _Known] = {}
        self._hosts: dict[Name, dict[str, float]] = {}
        self._wait = 1.0
        self._at = now
        self._check_at = now
        self.tick(now)

    def services(self, now: float) -> tuple[Service, ...]:
        """Those of which all is known that is needed to invite them, by their name."""
        found = []
        for known in self._known.values():
            if known.target is None or known.until <= now:
                continue
            texts = known.texts or Texts(())
            at = self._hosts.get(known.host, {})
            addresses = tuple(address for address, until in at.items() if until > now)
            if addresses:
                identity = Identity(
                    _printable(texts.get("UMPEndpointName") or known.label),
                    _printable(texts.get("ProductInstanceId")),
                )
                port = known.target.port
                found.append(Service(_printable(known.label), identity, port, addresses))
        return tuple(sorted(found, key=lambda each: each.instance))

    def deadline(self) -> float:
        return min(self._at, self._check_at)

    def tick(self, now: float) -> None:
        if now >= self._check_at:
            self._check_at = now + _CHECK_S
            for name in [
                name
                for name, known in self._known.items()
                if known.until <= now or known.asked >= _ASK_TRIES
            ]:
                del self._known[name]
            self._ask_for_the_rest(now)
        if now < self._at:
            return
        self._at = now + self._wait
        self._wait = min(3 * self._wait, 3600.0)
        known = tuple(
            Record(SERVICE, Type.PTR, int(each.until - now), (each.label, *SERVICE))
            for each in list(self._known.values())[:32]
        )
        self.outbox.append(encode(Message((Question(SERVICE, Type.PTR),), answers=known)))

    def receive(self, data: bytes, now: float) -> None:
        try:
            message = decode(data)
        except InvalidInput:
            return  # not for us: other programs speak here too
        if not message.response:
            return
        records = (*message.answers, *message.more)
        for record in records:
            if record.type == Type.PTR and folded(record.name) == SERVICE:
                self._found(record, now)
        for record in records:
            self._learned(record)
        wanted = {each.host for each in self._known.values()}
        for host in self._hosts.keys() - wanted:
            del self._hosts[host]
        for record in records:
            if record.type in (Type.A, Type.AAAA) and (key := folded(record.name)) in wanted:
                self._located(key, record, now)
        self._ask_for_the_rest(now)

    def _found(self, record: Record, now: float) -> None:
        name = record.data
        if not isinstance(name, tuple) or len(name) != len(SERVICE) + 1:
            return
        key = folded(name)
        if key[1:] != SERVICE:
            return
        if record.ttl_s == 0:
            self._known.pop(key, None)
            return
        until = now + record.ttl_s
        if (known := self._known.get(key)) is not None:
            known.until = until
        elif len(self._known) < _SERVICES:
            self._known[key] = _Known(name[0], until)

    def _learned(self, record: Record) -> None:
        key = folded(record.name)
        known = self._known.get(key)
        match record.data:
            case Target() if known and record.ttl_s:
                known.target, known.host = record.data, folded(record.data.host)
            case Texts() if known and record.ttl_s:
                known.texts = record.data
            case _:
                pass  # nothing that a service says of itself

    def _located(self, host: Name, record: Record, now: float) -> None:
        if not isinstance(record.data, bytes):
            return
        at = self._hosts.setdefault(host, {})
        address = str(ip_address(record.data))
        if record.ttl_s == 0:
            at.pop(address, None)
        elif address in at or len(at) < _ADDRESSES:
            at[address] = now + record.ttl_s

    def _ask_for_the_rest(self, now: float) -> None:
        """Of a host of which only a part is known, or soon will be, ask for the others, at most
        once a second. One that never answers is forgotten."""
        questions: list[Question] = []
        for known in self._known.values():
            full = (known.label, *SERVICE)
            missing = [Question(full, Type.SRV)] * (known.target is None)
            missing += [Question(full, Type.TXT)] * (known.texts is None)
            if known.target is not None:
                at = self._hosts.get(known.host, {})
                if max(at.values(), default=0.0) < now + _CHECK_S + _TTL_S / 10:
                    missing += [Question(known.target.host, kind) for kind in (Type.A, Type.AAAA)]
            if not missing:
                known.asked = 0
            elif now - known.asked_at >= 1.0 and len(questions) < 32:
                known.asked_at = now
                known.asked += 1
                questions += missing
        if questions:
            self.outbox.append(encode(Message(tuple(questions))))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
