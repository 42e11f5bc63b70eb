"""The client's side: inviting a host, saying who one is, and the session that comes of it.

Pure, as the session is: datagrams and times in, datagrams and events out.
"""

from __future__ import annotations

from collections.abc import Sequence

from conduit.contracts.errors import Unavailable
from conduit.midi.network.budget import Budget
from conduit.midi.network.codes import AuthState, ByeReason, Capability, NakReason
from conduit.midi.network.commands import (
    Accepted,
    Bye,
    ByeReply,
    Command,
    Invitation,
    InvitationWithSecret,
    InvitationWithUser,
    LoginWanted,
    Nak,
    Pending,
    Ping,
    PingReply,
    Unusable,
    code_of,
    decode,
    encode,
)
from conduit.midi.network.credentials import Credentials, RandomBytes, UserPassword
from conduit.midi.network.events import Closed, Counters, Event, Opened
from conduit.midi.network.identity import Identity, check_identity
from conduit.midi.network.session import Session
from conduit.midi.network.settings import Settings

_LOGINS = 4
"""How many nonces of one host are answered. Each answer is something to try secrets against."""

_PINGS_PER_S = 10

_REPLIES = (Accepted, Pending, LoginWanted)


class Joining:
    """One client and one host. It invites as soon as it is made.

    Drive it: hand ``receive`` what comes from the host and from nobody else, call ``tick`` when
    ``deadline`` is there, and take away ``outbox`` and ``events`` after each.
    """

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        random: RandomBytes,
        now: float,
        *,
        credentials: Credentials | None = None,
    ) -> None:
        self._timing = settings.timing
        self._settings = settings
        self._random = random
        self._credentials = credentials
        self.outbox: list[bytes] = []
        self.events: list[Event] = []
        self.session: Session | None = None
        self.closed = False
        capability = credentials.capability if credentials else Capability.NONE
        self._asking: Command = Invitation(check_identity(identity), capability, padded=True)
        self._tries_left = self._timing.invitation_tries
        self._logins = 0
        self._pings = Budget(_PINGS_PER_S)
        self._again_at = now
        self._until: float | None = None
        self.tick(now)

    @property
    def counters(self) -> Counters:
        return self.session.counters if self.session else Counters()

    @property
    def waiting(self) -> int:
        return self.session.waiting if self.session else 0

    def send(self, words: Sequence[int], now: float) -> None:
        """As ``Session.send``. Raises ``Unavailable`` before the host has accepted, too."""
        if self.session is None:
            raise Unavailable("the session is not open", hint="wait until the host has accepted")
        self.session.send(words, now)
        self._collect()

    def close(self, now: float, reason: int = ByeReason.USER, text: str = "") -> None:
        if self.session is not None:
            self.session.close(now, reason, text)
            self._collect()
        elif not self.closed:
            self._give_up(ByeReason.CANCELLED)

    def receive(self, datagram: bytes, now: float) -> None:
        commands = decode(datagram)
        while commands and not self.closed:
            if self.session is not None:
                # a host that heard an invitation twice answers it twice
                later = [each for each in commands if not isinstance(each, _REPLIES)]
                if later:
                    self.session.receive(later, now)
                self._collect()
                return
            self._consider(commands[0], now)
            commands = commands[1:]

    def tick(self, now: float) -> None:
        if self.session is not None:
            self.session.tick(now)
            self._collect()
        elif not self.closed and now >= self._again_at:
            if self._until is not None and now >= self._until:
                self._give_up(ByeReason.TIMEOUT)
            elif self._until is None and not self._tries_left:
                self._end(Closed(ByeReason.TIMEOUT, by_peer=False))
            else:
                self._tries_left = max(0, self._tries_left - 1)
                self._again_at = now + self._timing.invitation_repeat_s
                if self._until is not None:
                    self._again_at = min(self._until, now + 5 * self._timing.invitation_repeat_s)
                self.outbox.append(encode((self._asking,)))

    def deadline(self) -> float | None:
        if self.session is not None:
            return self.session.deadline()
        return None if self.closed else self._again_at

    def _consider(self, command: Command | Unusable, now: float) -> None:
        match command:
            case Accepted(identity):
                self._open(identity, now)
            case Pending():
                if self._until is None:
                    self._until = now + self._timing.pending_s
                    self._again_at = min(self._until, now + 5 * self._timing.invitation_repeat_s)
            case LoginWanted():
                self._log_in(command, now)
            case Ping(number) if self._pings.allows(now):
                self.outbox.append(encode((PingReply(number),)))
            case Bye(reason, text):
                self.outbox.append(encode((ByeReply(),)))
                self._end(Closed(reason, by_peer=True, text=text))
            case Nak(reason, header, text):
                if header[0] == code_of(self._asking) and reason != NakReason.OTHER:
                    self._end(Closed(ByeReason.PROTOCOL_ERROR, by_peer=True, text=text))
            case _:
                pass  # whatever else a host says before it has accepted means nothing yet

    def _log_in(self, wanted: LoginWanted, now: float) -> None:
        mine = self._credentials
        if mine is None or isinstance(mine, UserPassword) != wanted.user:
            self._give_up(ByeReason.NO_COMMON_LOGIN)
            return
        if wanted.state != AuthState.FIRST and self._logins:
            unknown = wanted.state == AuthState.UNKNOWN_USER
            self._give_up(ByeReason.UNKNOWN_USER if unknown else ByeReason.LOGIN_FAILED)
            return
        digest = mine.digest(wanted.nonce)
        if isinstance(mine, UserPassword):
            answer: Command = InvitationWithUser(digest, mine.user)
        else:
            answer = InvitationWithSecret(digest)
        if answer == self._asking:
            return  # the question came twice
        if self._logins >= _LOGINS:
            self._give_up(ByeReason.LOGIN_FAILED)
            return
        self._logins += 1
        self._asking = answer
        self._tries_left = self._timing.invitation_tries
        self._again_at = now
        self.tick(now)

    def _open(self, identity: Identity, now: float) -> None:
        self.session = Session(self._settings, self._random, now, verified=True)
        self.events.append(Opened(identity))

    def _give_up(self, reason: ByeReason) -> None:
        """Nothing came of it, for a reason of ours. A host only knows one of them."""
        self.outbox.append(encode((Bye(ByeReason.CANCELLED),)))
        self._end(Closed(reason, by_peer=False))

    def _end(self, closed: Closed) -> None:
        self.closed = True
        self.events.append(closed)

    def _collect(self) -> None:
        session = self.session
        if session is not None:
            self.outbox += session.outbox
            self.events += session.events
            session.outbox.clear()
            session.events.clear()
            self.closed = session.closed
