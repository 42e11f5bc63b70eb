"""One session between two endpoints, from the moment it is established until its end.

Nothing here knows sockets or clocks: bytes and times go in, datagrams and events come out. Times
are seconds of any steady clock. Host and client are the same from here on (M2-124-UM, 6.13 to 7.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from conduit.contracts.errors import Overloaded, Unavailable
from conduit.midi.network.budget import Budget
from conduit.midi.network.codes import ByeReason, Code, NakReason
from conduit.midi.network.commands import (
    DATAGRAM_BYTES,
    Bye,
    ByeReply,
    Command,
    Data,
    Nak,
    Ping,
    PingReply,
    RetransmitError,
    RetransmitRequest,
    SessionReset,
    SessionResetReply,
    Unusable,
    code_of,
    encode,
    encode_command,
)
from conduit.midi.network.credentials import RandomBytes
from conduit.midi.network.events import Closed, Counters, Event, Restarted
from conduit.midi.network.incoming import Incoming
from conduit.midi.network.outgoing import Outgoing
from conduit.midi.network.settings import Settings
from conduit.midi.network.words import COMMAND_WORDS, check_words, whole_words

_RESETS_APART_S = 2.0
"""A reset this soon after another is the same one, delivered twice or asked for again because the
reply was lost: it is answered, and what has been sent since is not thrown away."""

_UNVERIFIED_EVENTS = 64
_PACE_S = 0.002
_DATAGRAM_COST = 300
_SLOWER_S = 0.05
_SLOWEST = 100_000.0
_FASTER_S = 4.0
"""When something is asked for again, we send half as fast, not more often than this; it takes
four seconds to be as fast as before."""

_ANSWERS_PER_S = 100
"""How many pings, resets and requests to send again are answered in a second."""
_AGAIN_PART = 16
"""This part of what may be sent in a second may be sent again. A few bytes ask for thousands, and
may be somebody else's."""
_REFUSALS_PER_S = 10
"""And how many faults, which anybody can send in the name of the other side."""


class Session:
    """An established session. ``outbox`` are datagrams to be sent, ``events`` what has happened;
    whoever drives the session takes both away.

    Until ``verified``, the other side has not proved that it is where its datagrams seem to come
    from: nothing is sent there on our own account but pings, and little of its data is kept.
    """

    def __init__(
        self, settings: Settings, random: RandomBytes, now: float, *, verified: bool
    ) -> None:
        self._timing = settings.timing
        self._limits = settings.limits
        self._random = random
        self.outbox: list[bytes] = []
        self.events: list[Event] = []
        self.counters = Counters()
        self.verified = False
        self.closed = False
        self._incoming = Incoming(self._timing, self._limits, self.counters, self.events)
        self._outgoing = Outgoing(self._limits)
        self._waiting: list[int] = []
        self._tokens = float(self._limits.burst_bytes)
        self._tokens_at = self._slowed_at = now
        self._rate = float(self._limits.bytes_per_s)
        self._pace_at: float | None = None
        self._heard_at = now
        self._ping_at = now + self._timing.ping_after_s
        self._pings: dict[int, float] = {}
        self._unanswered = 0
        self._idle_at: float | None = None
        self._idle_wait = self._timing.idle_first_s
        self._reset_at: float | None = None
        self._reset_tries = 0
        self._reset_done_at = now - _RESETS_APART_S
        self._bye_at: float | None = None
        self._bye: Bye | None = None
        self._bye_tries = 0
        self._answers = Budget(_ANSWERS_PER_S)
        self._refusals = Budget(_REFUSALS_PER_S)
        self._again = Budget(self._limits.bytes_per_s // _AGAIN_PART)
        if verified:
            self.verify(now)

    # what the user of a session does

    def send(self, words: Sequence[int], now: float) -> None:
        """Send whole messages. Raises ``InvalidInput`` for words that are not whole messages,
        ``Unavailable`` when the session is over, ``Overloaded`` when too many wait already."""
        if self.closed or self._bye is not None:
            raise Unavailable("the session is closed", hint="open another one")
        whole = check_words(words)
        if not whole:
            return
        if len(self._waiting) + len(whole) > self._limits.waiting_words:
            raise Overloaded(
                "too many words wait to be sent",
                retry_after_s=0.1,
                hint="send fewer at a time, and wait until they are gone",
            )
        ready = not self._waiting and self.verified and self._reset_at is None
        self._waiting += whole
        if ready:
            self._send_waiting(now)

    @property
    def waiting(self) -> int:
        """How many words have not been sent yet."""
        return len(self._waiting)

    def close(self, now: float, reason: int = ByeReason.USER, text: str = "") -> None:
        """Say goodbye, after all that waits, and again until it is heard or nobody is there."""
        if self._bye is None and not self.closed:
            self._bye = Bye(reason, text)
            self._bye_at = now
            self.tick(now)

    def restart(self, now: float) -> None:
        """Have both sides count from 0 again: what helps when the two no longer agree."""
        if self._reset_at is None:
            self._reset_at = max(now, self._reset_done_at + _RESETS_APART_S)
            self._reset_tries = 0
            self._idle_at = self._pace_at = None
            self._incoming.restart()
            self.tick(now)

    def pinged_since(self, then: float) -> bool:
        """Whether a ping has gone out since."""
        return any(at >= then for at in self._pings.values())

    def verify(self, now: float) -> None:
        """The other side is where it says. What waited goes out."""
        self.verified = True
        self._begin_sending(now)

    def ping(self, now: float) -> bytes:
        """A ping, as a command to go along with others. Its reply verifies."""
        number = int.from_bytes(self._random(4), "big")
        while len(self._pings) >= 8:
            self._pings.pop(next(iter(self._pings)))
        self._pings[number] = now
        self._ping_at = now + self._timing.ping_after_s
        return encode_command(Ping(number))

    # what comes from outside

    def receive(self, commands: Sequence[Command | Unusable], now: float) -> None:
        """The commands of one datagram."""
        if self.closed:
            return
        self.counters.received_datagrams += 1
        self._heard_at = now
        self._unanswered = 0
        newest = max((at for at, each in enumerate(commands) if isinstance(each, Data)), default=-1)
        for at, command in enumerate(commands):
            if isinstance(command, Data):
                self._take(command, now, repeated=at < newest)
            elif not self._obey(command, now):
                return
        if self._incoming.lost_track:
            self.restart(now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self.closed:
            return
        if self._bye is not None and not self._waiting:
            self._repeat_bye(now)
            return
        if self._reset_at is not None and now >= self._reset_at:
            self._repeat_reset(now)
        asked = self._incoming.tick(now, self.counters.round_trip_s)
        if asked is not None:
            self._answer(asked)
        if self._pace_at is not None and now >= self._pace_at:
            self._send_waiting(now)
        if self._idle_at is not None and now >= self._idle_at:
            self._send_idle(now)
        if self.verified and now >= self._ping_at:
            self._ask_whether_there(now)

    def deadline(self) -> float | None:
        """When ``tick`` wants to be called at the latest."""
        if self.closed:
            return None
        if self._bye is not None and not self._waiting:
            return self._bye_at
        due = (self._incoming.deadline(), self._idle_at, self._reset_at, self._pace_at)
        next_ping = self._ping_at if self.verified else None
        return min((at for at in (*due, next_ping) if at is not None), default=None)

    # one command

    def _take(self, data: Data, now: float, *, repeated: bool) -> None:
        if self._reset_at is not None:
            return  # it belongs to a count that is over
        if not self.verified and len(self.events) >= _UNVERIFIED_EVENTS:
            return  # it is sent again when we ask
        words = data.words
        whole = whole_words(words)
        if whole != len(words):
            header = bytes((Code.DATA, len(words), *data.sequence.to_bytes(2, "big")))
            self._refuse(header, NakReason.MALFORMED, now)
            words = words[:whole]
        self._incoming.take(data.sequence, words, now, repeated=repeated)

    def _obey(self, command: Command | Unusable, now: float) -> bool:
        """Whether the session goes on."""
        match command:
            case Ping(number):
                if self._answers.allows(now):
                    self._answer(PingReply(number))
            case PingReply(number):
                self._take_ping_reply(number, now)
            case RetransmitRequest(sequence, count):
                self._send_again(sequence, count, now)
            case RetransmitError(earliest):
                self._incoming.cannot_have(earliest, now)
            case SessionReset():
                self._obey_reset(now)
            case SessionResetReply():
                if self._reset_at is not None and self._reset_tries:
                    self._begin_anew(now, by_peer=False)
            case Bye(reason, text):
                self._answer(ByeReply())
                self._end(Closed(reason, by_peer=True, text=text))
            case ByeReply():
                if self._bye is not None:
                    self._end(Closed(self._bye.reason, by_peer=False, text=self._bye.text))
            case Nak(reason, header):
                self._heed(reason, header[0], now)
            case Unusable(header, reason):
                self._refuse(header, reason, now)
            case _:
                self._refuse(bytes((code_of(command), 0, 0, 0)), NakReason.NOT_EXPECTED, now)
        return not self.closed

    def _take_ping_reply(self, number: int, now: float) -> None:
        sent = self._pings.get(number)
        if sent is None:
            header = bytes((Code.PING_REPLY, 1, 0, 0))
            self._refuse(header, NakReason.BAD_PING_REPLY, now)
            return
        self.counters.round_trip_s = now - sent
        if not self.verified:
            self.verify(now)

    def _send_again(self, sequence: int, count: int, now: float) -> None:
        if not self.verified or not self._answers.allows(now):
            return
        self.counters.asked += 1
        if now - self._slowed_at > _SLOWER_S:
            # the other side has trouble: give it time
            self._slowed_at, self._rate = now, max(self._rate / 2, _SLOWEST)
            self._tokens = min(self._tokens, 0.0)
        found = self._outgoing.again(sequence, count)
        if isinstance(found, RetransmitError):
            self._answer(found)
            return
        if self._again.allows(now, sum(map(len, found))):
            self.outbox += found

    def _obey_reset(self, now: float) -> None:
        if not self._answers.allows(now):
            return
        self._answer(SessionResetReply())
        if self._reset_at is not None or now - self._reset_done_at >= _RESETS_APART_S:
            self._begin_anew(now, by_peer=True)

    def _heed(self, reason: int, code: int, now: float) -> None:
        """A NAK, which is never answered."""
        if reason != NakReason.NOT_SUPPORTED:
            return
        if code == Code.RETRANSMIT_REQUEST:
            self._incoming.can_ask = False
        elif code == Code.SESSION_RESET and self._reset_at is not None:
            self._begin_anew(now, by_peer=False)

    # what is sent

    def _send_idle(self, now: float) -> None:
        self.outbox.append(self._outgoing.datagram(()))
        self.counters.sent = self._outgoing.commands
        self.counters.sent_datagrams += 1
        self._idle_wait = min(2 * self._idle_wait, self._timing.idle_longest_s)
        self._idle_at = now + self._idle_wait

    def _begin_sending(self, now: float) -> None:
        """The number 0 is for an empty command: some peers count from 1, and take 0 for one that
        they have seen."""
        self._send_idle(now)
        if self._waiting:
            self._send_waiting(now)

    def _send_waiting(self, now: float) -> None:
        """What waits, as far as a burst goes; the rest a little later, collected into commands that
        are as full as they can be. Nobody could repair what outruns the other side."""
        limits = self._limits
        passed, self._tokens_at = now - self._tokens_at, now
        self._tokens = min(limits.burst_bytes, self._tokens + passed * self._rate)
        self._rate = min(limits.bytes_per_s, self._rate + passed * limits.bytes_per_s / _FASTER_S)
        at, words = 0, self._waiting
        while at < len(words) and self._tokens > 0:
            part = whole_words(words[at : at + COMMAND_WORDS])
            datagram = self._outgoing.datagram(words[at : at + part])
            self.outbox.append(datagram)
            self.counters.sent_datagrams += 1
            self._tokens -= len(datagram) + _DATAGRAM_COST
            at += part
        del words[:at]
        self._pace_at = now + _PACE_S if self._waiting else None
        self.counters.sent = self._outgoing.commands
        self._idle_wait = self._timing.idle_first_s
        self._idle_at = now + self._idle_wait

    def _answer(self, command: Command) -> None:
        self.outbox.append(encode((command,)))

    def _refuse(self, header: bytes, reason: NakReason, now: float) -> None:
        self.counters.malformed += 1
        if self._refusals.allows(now):
            self._answer(Nak(reason, header))

    def _ask_whether_there(self, now: float) -> None:
        silent = now - self._heard_at
        if silent < self._timing.ping_after_s and self.counters.round_trip_s:
            self._ping_at = self._heard_at + self._timing.ping_after_s
            return
        if self._unanswered >= self._timing.ping_tries:
            self._answer(Bye(ByeReason.TIMEOUT))
            self._end(Closed(ByeReason.TIMEOUT, by_peer=False))
            return
        self._unanswered += 1
        self.outbox.append(encode(()) + self.ping(now))

    def _repeat_bye(self, now: float) -> None:
        if self._bye is None or (self._bye_at is not None and now < self._bye_at):
            return
        if self._bye_tries >= self._timing.bye_tries:
            self._end(Closed(self._bye.reason, by_peer=False, text=self._bye.text))
            return
        self._bye_tries += 1
        self._bye_at = now + self._timing.bye_repeat_s
        bye = encode_command(self._bye)
        # who hears only this has heard the last notes too
        self.outbox.append(self._outgoing.repeated(DATAGRAM_BYTES - len(bye)) + bye)

    def _repeat_reset(self, now: float) -> None:
        if self._reset_tries >= self._timing.reset_tries:
            self._answer(Bye(ByeReason.TOO_MANY_MISSING))
            self._end(Closed(ByeReason.TOO_MANY_MISSING, by_peer=False))
            return
        self._reset_tries += 1
        self._reset_at = now + self._timing.reset_repeat_s
        self._answer(SessionReset())

    def _begin_anew(self, now: float, *, by_peer: bool) -> None:
        self._incoming.restart()
        self._outgoing.restart()
        self._idle_at = self._reset_at = self._pace_at = None
        self._reset_done_at = now
        self.events.append(Restarted(by_peer))
        if self.verified:
            self._begin_sending(now)

    def _end(self, closed: Closed) -> None:
        self.closed = True
        self._waiting.clear()
        self._incoming.finish()
        self.events.append(closed)
