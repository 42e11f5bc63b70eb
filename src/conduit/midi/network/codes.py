"""The numbers of Network MIDI 2.0: command codes and reasons.

Source: MIDI Association and AMEI, "User Datagram Protocol for Universal MIDI Packets" (M2-124-UM,
version 1.0, 2024), sections 5.5, 6.4, 6.7, 6.15, 6.16 and 7.2.4. Where two implementations say
something else, it is said beside the number.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Code(IntEnum):
    """What a command packet is: its first byte."""

    INVITATION = 0x01
    INVITATION_WITH_SECRET = 0x02
    INVITATION_WITH_USER = 0x03
    ACCEPTED = 0x10
    PENDING = 0x11
    SECRET_WANTED = 0x12
    USER_WANTED = 0x13
    PING = 0x20
    PING_REPLY = 0x21
    RETRANSMIT_REQUEST = 0x80
    RETRANSMIT_ERROR = 0x81
    SESSION_RESET = 0x82
    SESSION_RESET_REPLY = 0x83
    NAK = 0x8F
    BYE = 0xF0
    BYE_REPLY = 0xF1
    DATA = 0xFF


NAK_OF_AMIDI2NET = 0x7F
"""ALSA's amidi2net sends its NAK with this code, and knows ours as little as we would know its own.
Answering it with a NAK would be answered with a NAK, for ever."""


class Capability(IntFlag):
    """How a client can say who it is."""

    NONE = 0
    SECRET = 1
    USER = 2


class AuthState(IntEnum):
    """Why a host asks for credentials."""

    FIRST = 0
    WRONG = 1
    UNKNOWN_USER = 2


class NakReason(IntEnum):
    OTHER = 0x00
    NOT_SUPPORTED = 0x01
    NOT_EXPECTED = 0x02
    MALFORMED = 0x03
    BAD_PING_REPLY = 0x20


class RetransmitFault(IntEnum):
    UNKNOWN = 0x00
    NOT_AVAILABLE = 0x01


class ByeReason(IntEnum):
    """Why a session ends. 0x40 and above come from a host only, 0x80 from a client only."""

    UNDEFINED = 0x00
    USER = 0x01
    POWER_DOWN = 0x02
    TOO_MANY_MISSING = 0x03
    TIMEOUT = 0x04
    NOT_ESTABLISHED = 0x05
    NO_PENDING_SESSION = 0x06
    PROTOCOL_ERROR = 0x07
    TOO_MANY_SESSIONS = 0x40
    LOGIN_WITHOUT_INVITATION = 0x41
    REFUSED = 0x42
    LOGIN_FAILED = 0x43
    UNKNOWN_USER = 0x44
    NO_COMMON_LOGIN = 0x45
    CANCELLED = 0x80


_SAID: dict[int, str] = {
    ByeReason.UNDEFINED: "no reason was given",
    ByeReason.USER: "it was ended by its user",
    ByeReason.POWER_DOWN: "the device is being switched off",
    ByeReason.TOO_MANY_MISSING: "too many packets were lost",
    ByeReason.TIMEOUT: "nothing came for too long",
    ByeReason.NOT_ESTABLISHED: "the other side knows of no session",
    ByeReason.NO_PENDING_SESSION: "the other side knows of no invitation",
    ByeReason.PROTOCOL_ERROR: "the protocol was broken",
    ByeReason.TOO_MANY_SESSIONS: "the host has as many sessions as it takes",
    ByeReason.LOGIN_WITHOUT_INVITATION: "credentials came before they were asked for",
    ByeReason.REFUSED: "the user of the host refused",
    ByeReason.LOGIN_FAILED: "the credentials are wrong",
    ByeReason.UNKNOWN_USER: "the host knows no such user",
    ByeReason.NO_COMMON_LOGIN: "host and client have no way in common to say who one is",
    ByeReason.CANCELLED: "the client withdrew its invitation",
}


def reason_text(reason: int) -> str:
    """A bye's reason in words, also one that nobody has defined."""
    return _SAID.get(reason, f"for a reason with the number {reason:#04x}")
