"""Commands of Network MIDI 2.0, as bytes and as dataclasses.

A datagram is ``"MIDI"``, then commands. A command is its code, the number of 32-bit words after
the header, and two bytes that mean something else in each; all numbers are big-endian (M2-124-UM,
sections 5.2 to 5.5). Writing is strict. Reading takes what peers really send: names with and
without a zero at their end, longer payloads than today's, a datagram whose tail is damaged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conduit.contracts.errors import InvalidInput
from conduit.midi.network.codes import (
    NAK_OF_AMIDI2NET,
    AuthState,
    ByeReason,
    Capability,
    Code,
    NakReason,
    RetransmitFault,
)
from conduit.midi.network.identity import (
    NAME_BYTES,
    PRODUCT_BYTES,
    Identity,
    padded_bytes,
    read_text,
    text_bytes,
)

SIGNATURE = b"MIDI"
DATAGRAM_BYTES = 1400
"""The most we send in one datagram (5.1.1): it fits an Ethernet frame, over IPv4 and IPv6."""
READ_BYTES = 2048
"""A longer datagram is not looked at: nobody has a reason to send one."""
USER_BYTES = 256
NONCE_BYTES = 16
DIGEST_BYTES = 32
_TEXT_BYTES = 1016
_INVITATION_BYTES = 36 * 4


@dataclass(frozen=True, slots=True)
class Invitation:
    """``padded`` fills it with zeros up to the longest one there is: a careful host sends no more
    than it got, and its own name should fit."""

    identity: Identity
    capabilities: int = Capability.NONE
    padded: bool = False


@dataclass(frozen=True, slots=True)
class InvitationWithSecret:
    digest: bytes


@dataclass(frozen=True, slots=True)
class InvitationWithUser:
    digest: bytes
    user: str


@dataclass(frozen=True, slots=True)
class Accepted:
    identity: Identity


@dataclass(frozen=True, slots=True)
class Pending:
    identity: Identity


@dataclass(frozen=True, slots=True)
class LoginWanted:
    """The host wants a secret, or a user and a password. ``nonce`` is for one answer."""

    nonce: bytes
    identity: Identity
    user: bool = False
    state: int = AuthState.FIRST


@dataclass(frozen=True, slots=True)
class Ping:
    id: int


@dataclass(frozen=True, slots=True)
class PingReply:
    id: int


@dataclass(frozen=True, slots=True)
class Data:
    """UMP words. None at all keep the session alive, and count in the sequence too."""

    sequence: int
    words: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RetransmitRequest:
    """Send ``count`` commands again, from ``sequence`` on; all there are when it is 0."""

    sequence: int
    count: int = 0


@dataclass(frozen=True, slots=True)
class RetransmitError:
    """That cannot be sent again; the earliest that can is ``earliest``."""

    earliest: int
    reason: int = RetransmitFault.NOT_AVAILABLE


@dataclass(frozen=True, slots=True)
class SessionReset:
    pass


@dataclass(frozen=True, slots=True)
class SessionResetReply:
    pass


@dataclass(frozen=True, slots=True)
class Nak:
    """A command was not taken. ``header`` are its first four bytes."""

    reason: int
    header: bytes
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bye:
    reason: int = ByeReason.UNDEFINED
    text: str = ""


@dataclass(frozen=True, slots=True)
class ByeReply:
    pass


@dataclass(frozen=True, slots=True)
class Unusable:
    """Read only: a command that we do not know, or that is not as it should be."""

    header: bytes
    reason: NakReason


Command = (
    Invitation
    | InvitationWithSecret
    | InvitationWithUser
    | Accepted
    | Pending
    | LoginWanted
    | Ping
    | PingReply
    | Data
    | RetransmitRequest
    | RetransmitError
    | SessionReset
    | SessionResetReply
    | Nak
    | Bye
    | ByeReply
)


def encode(commands: Iterable[Command]) -> bytes:
    """One datagram. Raises ``InvalidInput`` for a name or a text that is too long."""
    return SIGNATURE + b"".join(map(encode_command, commands))


def encode_command(command: Command) -> bytes:
    match command:
        case Data(sequence, words):
            return encode_data(sequence, words)
        case Ping(number):
            return struct.pack(">BBHI", Code.PING, 1, 0, number)
        case PingReply(number):
            return struct.pack(">BBHI", Code.PING_REPLY, 1, 0, number)
        case Invitation(identity, capabilities, padded):
            least = _INVITATION_BYTES if padded else 0
            return _with_identity(Code.INVITATION, capabilities, b"", identity, least)
        case Accepted(identity):
            return _with_identity(Code.ACCEPTED, 0, b"", identity)
        case Pending(identity):
            return _with_identity(Code.PENDING, 0, b"", identity)
        case LoginWanted(nonce, identity, user, state):
            code = Code.USER_WANTED if user else Code.SECRET_WANTED
            return _with_identity(code, state, _exactly(nonce, NONCE_BYTES), identity)
        case InvitationWithSecret(digest):
            return _packet(Code.INVITATION_WITH_SECRET, 0, 0, _exactly(digest, DIGEST_BYTES))
        case InvitationWithUser(digest, user):
            name = padded_bytes(text_bytes(user, USER_BYTES, "a user's name"))
            digest = _exactly(digest, DIGEST_BYTES)
            return _packet(Code.INVITATION_WITH_USER, 0, 0, digest + name)
        case RetransmitRequest(sequence, count):
            return struct.pack(">BBHHH", Code.RETRANSMIT_REQUEST, 1, sequence, count, 0)
        case RetransmitError(earliest, reason):
            return struct.pack(">BBBBHH", Code.RETRANSMIT_ERROR, 1, reason, 0, earliest, 0)
        case SessionReset():
            return _packet(Code.SESSION_RESET)
        case SessionResetReply():
            return _packet(Code.SESSION_RESET_REPLY)
        case Nak(reason, header, text):
            tail = padded_bytes(text_bytes(text, _TEXT_BYTES, "the text of a NAK"))
            return _packet(Code.NAK, reason, 0, _exactly(header, 4) + tail)
        case Bye(reason, text):
            tail = padded_bytes(text_bytes(text, _TEXT_BYTES, "the text of a bye"))
            return _packet(Code.BYE, reason, 0, tail)
        case ByeReply():
            return _packet(Code.BYE_REPLY)


def encode_data(sequence: int, words: Sequence[int]) -> bytes:
    """A UMP Data command: the one that is written thousands of times a second."""
    return struct.pack(f">BBH{len(words)}I", Code.DATA, len(words), sequence, *words)


def decode(datagram: bytes) -> tuple[Command | Unusable, ...]:
    """The commands of a datagram, in their order; none when it is not ours, or too long.

    When one is cut off, those before it still count, and it is the last, as ``Unusable``.
    """
    if not datagram.startswith(SIGNATURE) or len(datagram) > READ_BYTES:
        return ()
    found: list[Command | Unusable] = []
    at, end = len(SIGNATURE), len(datagram)
    while at + 4 <= end:
        header = datagram[at : at + 4]
        after = at + 4 + 4 * header[1]
        if after > end:
            found.append(Unusable(header, NakReason.MALFORMED))
            break
        found.append(_read(header, datagram[at + 4 : after]))
        at = after
    return tuple(found)


def _read(header: bytes, payload: bytes) -> Command | Unusable:
    code, first, second = header[0], header[2], header[3]
    if code == Code.DATA:
        words = struct.unpack(f">{len(payload) // 4}I", payload)
        return Data(first << 8 | second, words)
    if code not in _LEAST:
        return Unusable(header, NakReason.NOT_SUPPORTED)
    if len(payload) < _LEAST[code]:
        return Unusable(header, NakReason.MALFORMED)
    match code:
        case Code.PING:
            return Ping(_u32(payload))
        case Code.PING_REPLY:
            return PingReply(_u32(payload))
        case Code.INVITATION | Code.ACCEPTED | Code.PENDING | Code.SECRET_WANTED | Code.USER_WANTED:
            return _read_with_identity(header, payload)
        case Code.INVITATION_WITH_SECRET:
            return InvitationWithSecret(payload[:DIGEST_BYTES])
        case Code.INVITATION_WITH_USER:
            user = read_text(payload[DIGEST_BYTES : DIGEST_BYTES + USER_BYTES])
            return InvitationWithUser(payload[:DIGEST_BYTES], user)
        case Code.RETRANSMIT_REQUEST:
            return RetransmitRequest(first << 8 | second, payload[0] << 8 | payload[1])
        case Code.RETRANSMIT_ERROR:
            return RetransmitError(payload[0] << 8 | payload[1], first)
        case Code.SESSION_RESET:
            return SessionReset()
        case Code.SESSION_RESET_REPLY:
            return SessionResetReply()
        case Code.BYE:
            return Bye(first, read_text(payload))
        case Code.BYE_REPLY:
            return ByeReply()
        case _:
            return Nak(first, payload[:4], read_text(payload[4:]))


_LEAST: dict[int, int] = {
    Code.INVITATION: 0,
    Code.INVITATION_WITH_SECRET: DIGEST_BYTES,
    Code.INVITATION_WITH_USER: DIGEST_BYTES,
    Code.ACCEPTED: 0,
    Code.PENDING: 0,
    Code.SECRET_WANTED: NONCE_BYTES,
    Code.USER_WANTED: NONCE_BYTES,
    Code.PING: 4,
    Code.PING_REPLY: 4,
    Code.RETRANSMIT_REQUEST: 4,
    Code.RETRANSMIT_ERROR: 4,
    Code.SESSION_RESET: 0,
    Code.SESSION_RESET_REPLY: 0,
    Code.NAK: 4,
    NAK_OF_AMIDI2NET: 4,
    Code.BYE: 0,
    Code.BYE_REPLY: 0,
}
"""The fewest bytes after the header. More are allowed: a later version may add some (5.3)."""


def _read_with_identity(header: bytes, payload: bytes) -> Command | Unusable:
    code, state = header[0], header[3]
    nonce = b""
    if code in (Code.SECRET_WANTED, Code.USER_WANTED):
        nonce, payload = payload[:NONCE_BYTES], payload[NONCE_BYTES:]
    name_bytes = 4 * header[2]
    if name_bytes > len(payload):
        return Unusable(header, NakReason.MALFORMED)
    identity = Identity(
        read_text(payload[:name_bytes][:NAME_BYTES]),
        read_text(payload[name_bytes:][:PRODUCT_BYTES]),
    )
    match code:
        case Code.INVITATION:
            return Invitation(identity, state)
        case Code.ACCEPTED:
            return Accepted(identity)
        case Code.PENDING:
            return Pending(identity)
        case _:
            return LoginWanted(nonce, identity, code == Code.USER_WANTED, state)


def code_of(command: Command) -> int:
    """The first byte of a command."""
    if isinstance(command, LoginWanted) and command.user:
        return Code.USER_WANTED
    return _CODES[type(command)]


_CODES: dict[type, Code] = {
    Invitation: Code.INVITATION,
    InvitationWithSecret: Code.INVITATION_WITH_SECRET,
    InvitationWithUser: Code.INVITATION_WITH_USER,
    Accepted: Code.ACCEPTED,
    Pending: Code.PENDING,
    LoginWanted: Code.SECRET_WANTED,
    Ping: Code.PING,
    PingReply: Code.PING_REPLY,
    Data: Code.DATA,
    RetransmitRequest: Code.RETRANSMIT_REQUEST,
    RetransmitError: Code.RETRANSMIT_ERROR,
    SessionReset: Code.SESSION_RESET,
    SessionResetReply: Code.SESSION_RESET_REPLY,
    Nak: Code.NAK,
    Bye: Code.BYE,
    ByeReply: Code.BYE_REPLY,
}


def _packet(code: int, first: int = 0, second: int = 0, payload: bytes = b"") -> bytes:
    return bytes((code, len(payload) // 4, first, second)) + payload


def _with_identity(
    code: int, state: int, before: bytes, identity: Identity, least: int = 0
) -> bytes:
    name = padded_bytes(text_bytes(identity.name, NAME_BYTES, "an endpoint's name"))
    product = text_bytes(identity.product_instance_id, PRODUCT_BYTES, "a product instance id")
    payload = (before + name + padded_bytes(product)).ljust(least, b"\0")
    return _packet(code, len(name) // 4, state, payload)


def _exactly(data: bytes, count: int) -> bytes:
    if len(data) != count:
        raise InvalidInput(f"expected {count} bytes, got {len(data)}")
    return data


def _u32(payload: bytes) -> int:
    return int.from_bytes(payload[:4], "big")
