"""Commands as bytes: against what the specification and other implementations publish, and against
whatever a stranger may send.

The vectors of M2-124-UM, appendix A.1, are quoted by the conformance test of libnetmidi2; the two
digests, of its sections 6.9 and 6.10, by the tests of the Dart package aud_midi_network. Layouts
that the specification shows without an example follow ``packet.c`` of ALSA's amidi2net, and were
compared with the reader of Windows MIDI Services (``MidiNetworkConnection.cpp``) and, for their
headers, with Zephyr's ``netmidi2.c`` and Python's pymidi2.
"""

from __future__ import annotations

from hashlib import sha256
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conduit.contracts.errors import ConfigError, InvalidInput
from conduit.midi.network import Access, Limits, SharedSecret, Timing, UserPassword
from conduit.midi.network.codes import Capability, NakReason, reason_text
from conduit.midi.network.commands import (
    Accepted,
    Bye,
    ByeReply,
    Command,
    Data,
    Invitation,
    InvitationWithSecret,
    InvitationWithUser,
    LoginWanted,
    Nak,
    Pending,
    Ping,
    PingReply,
    RetransmitError,
    RetransmitRequest,
    SessionReset,
    SessionResetReply,
    Unusable,
    code_of,
    decode,
    encode,
)
from conduit.midi.network.credentials import new_nonce
from conduit.midi.network.identity import Identity, check_identity, clipped
from conduit.midi.network.words import MESSAGE_WORDS, check_words, whole_words
from conduit.midi.ump import SIZES

NONCE = b"nUWrn*@#$hjfwnkL"
DIGEST = bytes.fromhex("676EBE82587CECA8F82FC333D787951EEC2B00AD31613CC4DB18CF27373AFB82")
DEVICE = Identity("MyDev", "8shYe3h5")

VECTORS: dict[str, tuple[list[Command], str]] = {
    "A.1.1, figure 12": (
        [Invitation(DEVICE)],
        "4D494449 01040200 4D794465 76000000 38736859 65336835",
    ),
    "A.1.2, figure 13": ([Data(16, (0x10F80000,))], "4D494449 FF010010 10F80000"),
    "A.1.3, figure 14": (
        [Data(17, (0x45904000, 0x12340000, 0x45804000, 0x01000000))],
        "4D494449 FF040011 45904000 12340000 45804000 01000000",
    ),
    "A.1.4, figure 15": (
        [Data(0x3456, (0x45904000, 0x12340000)), Data(0x3457, (0x45804000, 0x01000000))],
        "4D494449 FF023456 45904000 12340000 FF023457 45804000 01000000",
    ),
    "amidi2net, cmd_fill_invitation_with_auth": (
        [InvitationWithSecret(DIGEST)],
        "4D494449 02080000" + DIGEST.hex(),
    ),
    "amidi2net, cmd_fill_invitation_with_user_auth": (
        [InvitationWithUser(DIGEST, "Rosa!")],
        "4D494449 030A0000" + DIGEST.hex() + "526F736121000000",
    ),
    "amidi2net, __cmd_fill_invitation_reply_auth_req": (
        [LoginWanted(NONCE, DEVICE, state=1)],
        "4D494449 12080201" + NONCE.hex() + "4D79446576000000 3873685965336835",
    ),
    "amidi2net, the same for users": (
        [LoginWanted(NONCE, DEVICE, user=True)],
        "4D494449 13080200" + NONCE.hex() + "4D79446576000000 3873685965336835",
    ),
    "amidi2net, invitation replies": (
        [Accepted(DEVICE), Pending(Identity("abcd"))],
        "4D494449 10040200 4D79446576000000 3873685965336835 11010100 61626364",
    ),
    "amidi2net, cmd_fill_ping and reply": (
        [Ping(0x01020304), PingReply(0x01020304)],
        "4D494449 20010000 01020304 21010000 01020304",
    ),
    "amidi2net and Windows, retransmit": (
        [RetransmitRequest(0x1234, 5), RetransmitError(0x1230)],
        "4D494449 80011234 00050000 81010100 12300000",
    ),
    "amidi2net, resets and byes": (
        [SessionReset(), SessionResetReply(), Bye(4, "late"), ByeReply()],
        "4D494449 82000000 83000000 F0010400 6C617465 F1000000",
    ),
    "amidi2net and Zephyr, NAK": (
        [Nak(NakReason.NOT_SUPPORTED, bytes.fromhex("80011234"), "no")],
        "4D494449 8F020100 80011234 6E6F0000",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_published_bytes_are_written_and_read(name: str) -> None:
    commands, expected = VECTORS[name]
    assert encode(commands).hex() == expected.replace(" ", "").lower()
    assert list(decode(bytes.fromhex(expected))) == commands


def test_published_digests() -> None:
    assert SharedSecret("5483").digest(NONCE) == DIGEST
    assert UserPassword("Rosa", "RPBqBno").digest(b"XI|~=NNRVaD;XCPL").hex().upper() == (
        "3A2D5EBEEF92E8463535C27FB4B7B3E2D1ACF57A844C6D0808E041C102B7FF1A"
    )
    assert SharedSecret("Cafépw").digest(NONCE) == UserPassword("Café", "pw").digest(NONCE)


def test_what_peers_write_differently_is_read_too() -> None:
    # amidi2net ends each text with a zero, also where the last word is full
    zeros = bytes.fromhex("4D494449 10030200 61626364 00000000 31000000")
    assert decode(zeros) == (Accepted(Identity("abcd", "1")),)
    # pymidi2 invites without a name
    assert decode(b"MIDI\x01\0\0\0") == (Invitation(Identity("")),)
    # a later version may add words to what we know
    assert decode(b"MIDI\x20\x02\0\0\0\0\0\x07more\xf1\x01\0\0more") == (Ping(7), ByeReply())
    # NUL ends a text; what could move a cursor, or is no UTF-8, is replaced
    said = decode(b"MIDI\xf0\x03\x01\0a\x1b[2J\xff\0hidden")[0]
    assert said == Bye(1, "a\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}")
    # the NAK of amidi2net has a code of its own
    assert decode(b"MIDI\x7f\x01\x01\0\x80\x01\0\0") == (Nak(1, b"\x80\x01\0\0"),)


def test_what_is_damaged_ends_where_the_damage_is() -> None:
    whole = encode([Ping(1)])
    assert decode(whole + b"\xff\x02\0\0onlyone") == (
        Ping(1),
        Unusable(b"\xff\x02\0\0", NakReason.MALFORMED),
    )
    assert decode(whole + b"\xff\x02") == (Ping(1),)
    assert decode(b"MIDI\x20\0\0\0") == (Unusable(b"\x20\0\0\0", NakReason.MALFORMED),)
    assert decode(b"MIDI\x55\x01\0\0abcd")[0] == Unusable(b"\x55\x01\0\0", NakReason.NOT_SUPPORTED)
    # a name that is longer than all there is
    assert decode(b"MIDI\x01\x01\x02\0abcd")[0] == Unusable(b"\x01\x01\x02\0", NakReason.MALFORMED)
    for nothing in (b"", b"MID", b"midi\x20\x01\0\0abcd", b"MIDI" + bytes(2048)):
        assert decode(nothing) == ()


def short(most: int, *, ascii_only: bool = False) -> st.SearchStrategy[str]:
    characters = st.characters(
        codec="ascii" if ascii_only else "utf-8",
        min_codepoint=32,
        exclude_categories=["C", "Z"],
    )
    return st.text(characters, max_size=most // (1 if ascii_only else 4))


U16, U32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
BYTE = st.integers(0, 255)
IDENTITIES = st.builds(Identity, short(98), short(42, ascii_only=True))
COMMANDS = st.one_of(
    st.builds(Invitation, IDENTITIES, BYTE),
    st.builds(Accepted, IDENTITIES),
    st.builds(LoginWanted, st.binary(min_size=16, max_size=16), IDENTITIES, st.booleans(), BYTE),
    st.builds(InvitationWithUser, st.binary(min_size=32, max_size=32), short(256)),
    st.builds(Data, U16, st.lists(U32, max_size=64).map(tuple)),
    st.builds(RetransmitRequest, U16, U16),
    st.builds(RetransmitError, U16, BYTE),
    st.builds(PingReply, U32),
    st.builds(Nak, BYTE, st.binary(min_size=4, max_size=4), short(200)),
    st.builds(Bye, BYTE, short(200)),
)


@given(st.lists(COMMANDS, max_size=4))
def test_what_is_written_is_read(commands: list[Command]) -> None:
    datagram = encode(commands)
    assert list(decode(datagram)) == (commands if len(datagram) <= 2048 else [])
    at = 4
    for command in commands if len(datagram) <= 2048 else []:
        assert datagram[at] == code_of(command)
        at += 4 + 4 * datagram[at + 1]


@given(st.binary(max_size=400))
@example(b"\x12\x04\xff\0" + bytes(16))
@example(b"\x03\x09\0\0" + bytes(32) + b"\xff\xff\xff\xff")
def test_no_bytes_hurt(tail: bytes) -> None:
    for command in decode(b"MIDI" + tail):
        assert not isinstance(command, Data) or len(command.words) <= 255


def test_random_datagrams_by_the_thousand() -> None:
    random = Random(7)
    kinds = set()
    for _ in range(20_000):
        tail = bytearray(random.randbytes(random.randrange(80)))
        if len(tail) > 1:  # mostly a command that exists, and of a length that may fit
            tail[0] = random.choice((1, 2, 3, 0x10, 0x12, 0x20, 0x80, 0x81, 0x8F, 0xF0, 0xFF))
            tail[1] %= 20
        kinds |= {type(command) for command in decode(b"MIDI" + bytes(tail))}
    assert len(kinds) >= 10


def test_names_that_cannot_be_told_to_others() -> None:
    assert check_identity(Identity("a" * 98, "b" * 42)) == Identity("a" * 98, "b" * 42)
    for bad in (
        Identity(""),
        Identity("a" * 99),
        Identity("€" * 33),
        Identity("a", "b" * 43),
        Identity("a", "ü"),
        Identity("a\0b"),
        Identity("\ud800"),
    ):
        with pytest.raises(InvalidInput):
            check_identity(bad)
    with pytest.raises(InvalidInput, match="at most 1016"):
        encode([Bye(0, "a" * 1017)])


@given(IDENTITIES, st.integers(-10, 160))
def test_an_identity_is_cut_to_the_room_there_is(identity: Identity, room: int) -> None:
    cut = clipped(identity, room)
    assert len(encode([Accepted(cut)])) <= 8 + max(room, 0)
    assert identity.name.startswith(cut.name)
    assert cut.product_instance_id in ("", identity.product_instance_id)


def test_an_invitation_can_be_padded_to_the_longest_there_is() -> None:
    datagram = encode([Invitation(DEVICE, Capability.USER, padded=True)])
    assert len(datagram) == 8 + 36 * 4
    assert decode(datagram) == (Invitation(DEVICE, Capability.USER),)


def test_words_are_whole_messages_or_refused() -> None:
    assert MESSAGE_WORDS == SIZES
    assert whole_words((0x20903C64, 0x40903C00)) == 1
    assert whole_words((0xF0000000, 1, 2, 3, 0xB0000000, 1, 2)) == 7
    assert check_words([0x40903C00, 0xFFFF0000]) == (0x40903C00, 0xFFFF0000)
    with pytest.raises(InvalidInput, match="has 1 of 2 words"):
        check_words([0x20903C64, 0x40903C00])
    for bad in (-1, 1 << 32):
        with pytest.raises(InvalidInput, match="not a whole number"):
            check_words([bad])


def test_secrets_are_shown_to_nobody() -> None:
    access = Access(secret="hush-hush", users={"ada": "pass-pass"})
    for each in (access, SharedSecret("hush-hush"), UserPassword("ada", "pass-pass")):
        assert "hush" not in repr(each)
        assert "pass" not in repr(each).replace("UserPassword", "")
    assert access.knows_user(NONCE, UserPassword("ada", "pass-pass").digest(NONCE), "ada")
    assert not access.knows_user(NONCE, UserPassword("eve", "").digest(NONCE), "eve")
    assert not Access().knows_secret(NONCE, sha256(NONCE).digest())
    assert access.method(Capability.USER | Capability.SECRET) == Capability.USER
    assert access.method(Capability.NONE) == Capability.NONE
    assert not access.knows_user(NONCE, bytes(32), "")
    for user in ("", "a" * 257, "a\0", "\ud800"):
        with pytest.raises(InvalidInput):
            UserPassword(user, "x")
    for users in ({"ada": ""}, {"": "x"}, {"a" * 257: "x"}):
        with pytest.raises(ConfigError):
            Access(users=users)


def test_a_nonce_is_printable_and_new() -> None:
    random = Random(1)
    nonces = {new_nonce(random.randbytes) for _ in range(300)}
    assert len(nonces) == 300
    seen = {byte for nonce in nonces for byte in nonce}
    assert all(len(nonce) == 16 for nonce in nonces)
    assert (min(seen), max(seen), len(seen)) == (0x20, 0x7E, 95)


def test_settings_are_checked() -> None:
    for bad in ({"repeats": 11}, {"history": 0}, {"window": 4}, {"sessions": 0}):
        with pytest.raises(ConfigError):
            Limits(**bad)
    for seconds in (0.0, -1.0, 100_000.0, float("nan")):
        with pytest.raises(ConfigError):
            Timing(ping_after_s=seconds)
    assert reason_text(0x43) == "the credentials are wrong"
    assert reason_text(0x99) == "for a reason with the number 0x99"
