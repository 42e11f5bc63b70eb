"""Finding hosts and being found, on a clock that only the test moves.

The bytes of another implementation are those of python-zeroconf 0.154, which also found our host,
and was found, over real multicast when this was written.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi.network.discovery import SERVICE, Announcer, Browser, Service
from conduit.midi.network.dns import (
    Message,
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

IDENTITY = Identity("Conduit", "conduit-1")
ZEROCONF = bytes.fromhex(
    "000084000000000400000000065f6d69646932045f756470056c6f63616c00000c000100001194000e0b537461"
    "6765207069616e6fc00cc0290021800100000078000e00000000138e057069616e6fc018c02900108001000011"
    "94002c15554d50456e64706f696e744e616d653d4772616e641550726f64756374496e7374616e636549643d67"
    "2d31c04900018001000000780004c0000205"
)
PIANO = Service("Stage piano", Identity("Grand", "g-1"), 5006, ("192.0.2.5",))


class Network:
    """Everybody hears everybody, themselves too."""

    def __init__(self) -> None:
        self.now = 10.0
        self.there: list[Announcer | Browser] = []
        self.said: list[Message] = []

    def announce(self, label: str, *, port: int = 5004, address: str = "192.0.2.1") -> Announcer:
        announcer = Announcer(
            label, IDENTITY, port, (address,), f"conduit-{len(self.there)}", self.now
        )
        self.there.append(announcer)
        return announcer

    def browse(self) -> Browser:
        browser = Browser(self.now)
        self.there.append(browser)
        return browser

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while True:
            self.deliver()
            due = [at for each in self.there if (at := each.deadline()) is not None]
            if not due or min(due) > until:
                break
            assert min(due) >= self.now - 1e-9
            self.now = max(self.now, min(due))
            for each in self.there:
                each.tick(self.now)
        self.now = until

    def deliver(self) -> None:
        while outgoing := [each for each in self.there if each.outbox]:
            data = outgoing[0].outbox.pop(0)
            self.said.append(decode(data))
            for each in self.there:
                each.receive(data, self.now)


def test_another_implementations_bytes_are_read_and_make_a_service() -> None:
    message = decode(ZEROCONF)
    assert message.response
    assert message.answers[1] == Record(
        ("Stage piano", *SERVICE), Type.SRV, 120, Target(("piano", "local"), 5006), unique=True
    )
    browser = Browser(0.0)
    browser.receive(ZEROCONF, 0.0)
    assert browser.services(1.0) == (PIANO,)
    assert decode(encode(message)) == message


def test_a_host_is_found_and_forgotten() -> None:
    network = Network()
    early = network.browse()
    host = network.announce("Bühne links")
    assert not host.settled
    network.run(4)
    late = network.browse()
    network.run(2)
    expected = (Service("Bühne links", IDENTITY, 5004, ("192.0.2.1",)),)
    assert early.services(network.now) == late.services(network.now) == expected
    assert host.settled
    probes = [each for each in network.said if each.proposed]
    assert len(probes) == 3
    host.leave()
    network.run(1)
    assert early.services(network.now) == ()
    host.receive(encode(Message((Question(SERVICE, Type.PTR),))), network.now)
    assert host.outbox == []


def test_a_host_stays_found_as_long_as_it_is_there_and_no_longer() -> None:
    network = Network()
    browser, host = network.browse(), network.announce("Conduit")
    network.run(2000)
    assert len(browser.services(network.now)) == 1
    assert len(network.said) < 200
    network.there.remove(host)  # no goodbye: its power is gone
    network.run(200)
    assert browser.services(network.now) == ()
    said = len(network.said)
    network.run(3000)
    assert len(network.said) - said < 5  # and it is not asked for for ever


def test_two_hosts_of_one_name_end_with_two_names() -> None:
    network = Network()
    browser = network.browse()
    first = network.announce("Conduit")
    network.run(3)
    second = network.announce("CONDUIT", port=6000, address="192.0.2.2")
    network.run(5)
    assert (first.instance, second.instance) == ("Conduit", "CONDUIT (2)")
    assert [each.port for each in browser.services(network.now)] == [6000, 5004]
    # both at the same moment: one gives way
    both = Network()
    browser = both.browse()
    hosts = [both.announce("Conduit", port=port) for port in (5000, 5001)]
    both.run(8)
    assert sorted(host.instance for host in hosts) == ["Conduit", "Conduit (2)"]
    assert len(browser.services(both.now)) == 2
    long = Announcer("x" * 63, IDENTITY, 1, ("192.0.2.1",), "h", 0.0)
    long.receive(
        encode(
            Message(
                answers=(
                    Record(("x" * 63, *SERVICE), Type.SRV, 120, Target(("other", "local"), 9)),
                ),
                response=True,
            )
        ),
        0.1,
    )
    assert long.instance == "x" * 59 + " (2)"
    # and the new name is asked for like the first
    long.outbox.clear()
    for later in (0.4, 0.7, 1.0, 1.3):
        long.tick(later)
    asked = [decode(each) for each in long.outbox]
    assert [len(each.proposed) > 0 for each in asked] == [True, True, True, False]
    assert asked[0].questions[0].name == (long.instance, *SERVICE)


def test_what_the_asker_knows_is_not_said_again_nor_too_often() -> None:
    network = Network()
    host = network.announce("Conduit")
    network.run(5)
    ours = [each for each in network.said if each.response][-1].answers
    question = (Question(SERVICE, Type.PTR),)
    host.receive(encode(Message(question, answers=ours)), network.now)
    assert host.outbox == []
    for _ in range(50):
        host.receive(encode(Message(question)), network.now)
    assert len(host.outbox) == 1
    other = (Question(("_http", "_tcp", "local"), Type.PTR), Question(SERVICE, Type.TXT))
    host.receive(encode(Message(other)), network.now + 5)
    assert len(host.outbox) == 1


def test_names_are_compared_without_case() -> None:
    assert folded(("_MIDI2", "_Udp", "LOCAL")) == SERVICE
    assert folded(("Ä",)) == ("Ä",)
    browser = Browser(0.0)
    browser.receive(ZEROCONF.replace(b"_midi2", b"_MiDi2").replace(b"UMPE", b"umpe"), 0.0)
    assert browser.services(1.0)[0].identity == PIANO.identity


def test_names_that_do_not_fit_are_refused_at_once() -> None:
    for label in ("", "x" * 64, "é" * 32, "\ud800"):
        with pytest.raises(InvalidInput, match="no label"):
            Announcer(label, IDENTITY, 1, ("192.0.2.1",), "h", 0.0)


def test_hostile_messages_are_refused() -> None:
    header = bytes.fromhex("0000840000010000000000 00".replace(" ", ""))
    for tail in (
        b"\xc0\x0c\0\x01\0\x01",  # a name that points at itself
        b"\xc0\x20\0\x01\0\x01" + bytes(40),  # and forwards
        b"\x3fshort\0\0\x01\0\x01",
        b"\x80a\0\0\x01\0\x01",
        b"\x01a" * 200 + b"\0\0\x01\0\x01",
        b"\x01a\0\0",
        b"",
    ):
        with pytest.raises(InvalidInput):
            decode(header + tail)
    with pytest.raises(InvalidInput):
        decode(bytes.fromhex("000084000000ffff00000000"))
    with pytest.raises(InvalidInput):
        decode(bytes(9001))
    answer = bytes.fromhex("000084000000000100000000") + b"\x01a\0"
    for kind, data in (
        (1, b"abc"),
        (28, b"abc"),
        (33, b"\0\0\0\0\0\x01"),
        (16, b"\x09ab"),
        (12, b"\x01a\0xx"),
    ):
        with pytest.raises(InvalidInput):
            decode(answer + bytes((0, kind, 0, 1, 0, 0, 0, 9, 0, len(data))) + data)


@given(st.binary(max_size=300), st.integers(0, 3))
@example(b"\xc0\x0c" * 40, 1)
def test_no_bytes_hurt_discovery(tail: bytes, count: int) -> None:
    data = bytes((0, 0, 0x84, 0, 0, 0, 0, count, 0, 0, 0, 0)) + tail
    browser = Browser(0.0)
    browser.receive(data, 0.0)
    announcer = Announcer("Conduit", IDENTITY, 1, ("192.0.2.1",), "h", 0.0)
    announcer.receive(data, 0.0)
    for later in (1.0, 5.0, 30.0):
        browser.tick(later)
        browser.services(later)


def test_a_flood_of_hosts_is_bounded_and_labels_that_are_no_text_come_back_as_they_were() -> None:
    browser, random = Browser(0.0), Random(6)
    for number in range(1000):
        label = random.randbytes(20).decode(errors="surrogateescape") + str(number)
        name = (label, *SERVICE)
        records = (
            Record(SERVICE, Type.PTR, 4500, name),
            Record(name, Type.SRV, 120, Target((f"h{number}", "local"), 1)),
            *(Record((f"h{number}", "local"), Type.A, 120, random.randbytes(4)) for _ in range(20)),
        )
        browser.receive(encode(Message(answers=records, response=True)), 0.1)
    found = browser.services(1.0)
    assert len(found) == 256
    assert all(len(each.addresses) == 8 and each.instance.isprintable() for each in found)
    browser.outbox.clear()
    browser.tick(100.0)
    asked = decode(browser.outbox[0])
    assert 0 < len(asked.questions) <= 34


@given(st.lists(st.tuples(st.text("aB-ü", min_size=1, max_size=9), st.integers(0, 9)), max_size=6))
def test_what_is_written_is_read(names: list[tuple[str, int]]) -> None:
    records = [
        Record((name, "x", "local"), Type.TXT, ttl, Texts((("k", name),))) for name, ttl in names
    ]
    records += [Record((name, "local"), Type.PTR, ttl, (name, "x")) for name, ttl in names]
    message = Message((Question(("x", "local"), 255),), answers=tuple(records), response=True)
    assert decode(encode(message)) == message
