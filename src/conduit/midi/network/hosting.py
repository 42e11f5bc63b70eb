"""The host's side: many clients at one address, who may come in, and their sessions.

Pure, as the session is: datagrams with their source and times in, datagrams with their goal and
events with their client out. Whatever a datagram says, a source address that has not answered a
ping or a nonce is a guess.
"""

from __future__ import annotations

from collections.abc import Sequence

from conduit.contracts.errors import NotFound
from conduit.midi.network.codes import AuthState, ByeReason, Capability
from conduit.midi.network.commands import (
    SIGNATURE,
    Accepted,
    Bye,
    ByeReply,
    Command,
    Data,
    Invitation,
    InvitationWithSecret,
    InvitationWithUser,
    LoginWanted,
    Pending,
    Ping,
    PingReply,
    RetransmitRequest,
    SessionReset,
    Unusable,
    decode,
    encode,
    encode_command,
)
from conduit.midi.network.credentials import Access, RandomBytes, new_nonce
from conduit.midi.network.events import Closed, Counters, Event, Invited, Opened
from conduit.midi.network.identity import Identity, check_identity, clipped
from conduit.midi.network.session import Session
from conduit.midi.network.settings import Settings
from conduit.midi.network.strangers import Strangers
from conduit.midi.network.visitors import Address, Visitor

_BEGUN_ANEW = Closed(ByeReason.UNDEFINED, by_peer=True, text="begun anew")
_PING_BYTES = 12
_PING_AGAIN_S = 1.0
_HEADERS = 8
"""The signature, and the header of one command."""


class Hosting:
    """One host. ``outbox`` holds (where to, datagram), ``events`` (which client, event)."""

    def __init__(
        self, identity: Identity, access: Access, settings: Settings, random: RandomBytes
    ) -> None:
        self._identity = check_identity(identity)
        self._access = access
        self._settings = settings
        self._timing = settings.timing
        self._random = random
        self._guests: dict[Address, Visitor] = {}
        self._strangers = Strangers(settings.timing, settings.limits)
        self._soonest: float | None = None
        self.outbox: list[tuple[Address, bytes]] = []
        self.events: list[tuple[Address, Event]] = []

    @property
    def clients(self) -> tuple[Address, ...]:
        """Those with an open session."""
        return tuple(at for at, guest in self._guests.items() if guest.told)

    def counters(self, client: Address) -> Counters:
        """Of the session with that client; all 0 when there is none."""
        guest = self._guests.get(client)
        return guest.session.counters if guest and guest.session else Counters()

    def waiting(self, client: Address) -> int:
        """How many words have not been sent yet to that client."""
        guest = self._guests.get(client)
        return guest.session.waiting if guest and guest.session else 0

    def send(self, client: Address, words: Sequence[int], now: float) -> None:
        """As ``Session.send``. Raises ``NotFound`` when there is no session with that client."""
        self._session(client).send(words, now)
        self._collect(client, now)
        self._note(client)

    def close(
        self, client: Address, now: float, reason: int = ByeReason.USER, text: str = ""
    ) -> None:
        self._session(client).close(now, reason, text)
        self._collect(client, now)
        self._note(client)

    def restart(self, client: Address, now: float) -> None:
        self._session(client).restart(now)
        self._collect(client, now)
        self._note(client)

    def leave(self) -> None:
        """Send those away who have no session yet. Sessions are closed one by one."""
        for client in [at for at, guest in self._guests.items() if guest.session is None]:
            self._dismiss(client, ByeReason.POWER_DOWN)

    def accept(self, client: Address, now: float) -> None:
        """Say yes to an invitation that waits. Raises ``NotFound`` when it waits no longer."""
        guest = self._waiting(client)
        self._open(client, guest, now)
        self._note(client)

    def refuse(self, client: Address, now: float) -> None:
        """Say no to an invitation that waits. Raises ``NotFound`` when it waits no longer."""
        self._waiting(client)
        self._dismiss(client, ByeReason.REFUSED)

    def receive(self, datagram: bytes, source: Address, now: float) -> None:
        commands = decode(datagram)
        if not commands:
            return
        guest = self._guests.get(source)
        session = guest.session if guest else None
        if session is None or not session.verified or not isinstance(commands[0], Data):
            self._strangers.came(source, len(datagram))
        inside: list[Command | Unusable] = []
        answered = False
        for command in commands:
            match command:
                case Invitation():
                    self._invited(source, command, now)
                case InvitationWithSecret() | InvitationWithUser():
                    self._log_in(source, command, now)
                case _ if source in self._guests and self._guests[source].session is not None:
                    inside.append(command)
                case PingReply(number) if source in self._guests:
                    self._reached(source, self._guests[source], number, now)
                case _ if not answered:
                    answered = self._answer_stranger(source, command)
        if inside and (guest := self._guests.get(source)) and guest.session is not None:
            guest.session.receive(inside, now)
            self._collect(source, now)
        self._note(source)

    def tick(self, now: float) -> None:
        for client, guest in list(self._guests.items()):
            if guest.session is None or not guest.session.verified:
                if now >= guest.until:
                    self._dismiss(client, ByeReason.TIMEOUT)
                elif now >= guest.ping_at:
                    self._ping(client, guest, now)
                continue
            guest.session.tick(now)
            self._collect(client, now)
        due = (guest.due() for guest in self._guests.values())
        self._soonest = min((at for at in due if at is not None), default=None)

    def deadline(self) -> float | None:
        """When ``tick`` wants to be called: not later than that, at times a little too early, so
        that not every client has to be looked at for each message of one."""
        return self._soonest

    def _note(self, client: Address) -> None:
        """That client's next deadline may have come nearer."""
        guest = self._guests.get(client)
        due = guest.due() if guest is not None else None
        if due is not None and (self._soonest is None or due < self._soonest):
            self._soonest = due

    # coming in

    def _invited(self, source: Address, invitation: Invitation, now: float) -> None:
        address = source[0]
        guest = self._guests.get(source)
        if not self._strangers.may_begin(address, now):
            return
        if guest is not None and self._invited_again(source, guest, invitation, now):
            return
        if self._strangers.locked(address, now):
            self._turn_away(source, ByeReason.LOGIN_FAILED)
            return
        if guest is None and not self._make_room(address):
            self._say(source, Bye(ByeReason.TOO_MANY_SESSIONS))
            return
        new = Visitor(invitation.identity, until=now + self._timing.verify_s)
        if self._access.open:
            self._guests[source] = new
            self._let_in(source, new, now)
            return
        new.method = self._access.method(invitation.capabilities)
        if new.method == Capability.NONE:
            self._turn_away(source, ByeReason.NO_COMMON_LOGIN)
            return
        new.until = now + self._timing.login_s
        if guest is not None and guest.session is not None:
            guest.anew = new
        else:
            self._guests[source] = new
        self._want_login(source, new, AuthState.FIRST)

    def _invited_again(
        self, source: Address, guest: Visitor, invitation: Invitation, now: float
    ) -> bool:
        """Our answer was lost, or the client has begun anew without a goodbye. If anything had been
        played, both then count from 0. False when it has to say who it is."""
        asking = guest.anew if guest.session is not None and guest.anew is not None else guest
        if asking.reply and now < asking.until:
            self._say_bytes(source, asking.reply)  # the nonce is still good
            return True
        if guest.session is None:
            if guest.asked or guest.ping >= 0:
                self._reply_pending(source, guest, now)
                return True
            return False
        if not self._access.open:
            return False
        if guest.identity != invitation.identity:
            self._forget(source, _BEGUN_ANEW)  # somebody else, where that one was
            return False
        self._reply_accepted(source, guest, now)
        if guest.session.counters.received or guest.session.counters.sent:
            guest.session.restart(now)
        self._collect(source, now)
        return True

    def _want_login(self, source: Address, guest: Visitor, state: AuthState) -> None:
        guest.nonce, guest.digest = new_nonce(self._random), b""
        user = guest.method == Capability.USER
        room = self._strangers.credit(source) - _HEADERS - len(guest.nonce)
        wanted = LoginWanted(guest.nonce, clipped(self._identity, room), user, state)
        guest.reply = encode((wanted,))
        self._say_bytes(source, guest.reply)

    def _log_in(
        self, source: Address, shown: InvitationWithSecret | InvitationWithUser, now: float
    ) -> None:
        guest = self._guests.get(source)
        if guest is not None and guest.digest == shown.digest:
            self._logged_in_again(source, guest, now)
            return
        asking = guest.anew if guest is not None and guest.session is not None else guest
        if asking is None or not asking.nonce or asking.proved:
            self._turn_away(source, ByeReason.LOGIN_WITHOUT_INVITATION)
            return
        if asking.digest == shown.digest:
            self._say_bytes(source, asking.reply)
            return
        user = shown.user if isinstance(shown, InvitationWithUser) else ""
        if self._is_right(asking, shown):
            self._strangers.right(source[0])
            asking.digest, asking.user, asking.proved, asking.reply = shown.digest, user, True, b""
            if guest is not asking:
                self._forget(source, _BEGUN_ANEW)
                self._guests[source] = asking
            self._let_in(source, asking, now)
        elif self._strangers.wrong(source[0], now):
            if guest is asking:
                self._dismiss(source, ByeReason.LOGIN_FAILED)
            elif guest is not None:
                guest.anew = None
        else:
            # who is no user is not told apart from who has a wrong password
            self._want_login(source, asking, AuthState.WRONG)
            asking.digest = shown.digest

    def _is_right(self, guest: Visitor, shown: InvitationWithSecret | InvitationWithUser) -> bool:
        if isinstance(shown, InvitationWithUser):
            right = self._access.knows_user(guest.nonce, shown.digest, shown.user)
            return right and guest.method == Capability.USER
        right = self._access.knows_secret(guest.nonce, shown.digest)
        return right and guest.method == Capability.SECRET

    def _logged_in_again(self, source: Address, guest: Visitor, now: float) -> None:
        """The same answer once more: ours was lost, or is on its way."""
        if guest.session is not None:
            self._reply_accepted(source, guest, now)
            self._collect(source, now)
        elif guest.proved:
            self._reply_pending(source, guest, now)
        else:
            self._say_bytes(source, guest.reply)

    def _let_in(self, source: Address, guest: Visitor, now: float) -> None:
        if not self._access.approval:
            self._open(source, guest, now)
            return
        if guest.proved:
            self._ask(source, guest, now)
        else:
            guest.ping = int.from_bytes(self._random(4), "big")
        self._reply_pending(source, guest, now)

    def _reached(self, source: Address, guest: Visitor, number: int, now: float) -> None:
        """A reply to a ping from somebody who waits to be let in."""
        if number == guest.ping and not guest.proved:
            guest.proved = True
            self._ask(source, guest, now)

    def _ask(self, source: Address, guest: Visitor, now: float) -> None:
        guest.until = now + self._timing.pending_s
        guest.asked = True
        self.events.append((source, Invited(guest.identity, guest.user)))

    def _open(self, source: Address, guest: Visitor, now: float) -> None:
        guest.session = Session(self._settings, self._random, now, verified=guest.proved)
        guest.until = now + self._timing.verify_s
        self._reply_accepted(source, guest, now)
        self._collect(source, now)

    def _reply_accepted(self, source: Address, guest: Visitor, now: float) -> None:
        session = guest.session
        if session is None:
            return
        if session.verified:
            self.outbox.append((source, encode((Accepted(self._identity),))))
            return
        # the ping flies alone: some clients read no further than the command they wait for
        room = self._strangers.credit(source) - _HEADERS - _PING_BYTES
        self._say(source, Accepted(clipped(self._identity, room)))
        self._ping(source, guest, now)

    def _reply_pending(self, source: Address, guest: Visitor, now: float) -> None:
        room = self._strangers.credit(source) - _HEADERS - (0 if guest.proved else _PING_BYTES)
        self._say(source, Pending(clipped(self._identity, room)))
        if not guest.proved:
            self._ping(source, guest, now)

    def _ping(self, client: Address, guest: Visitor, now: float) -> None:
        """Ask a client to prove its address, if that may be sent; and again, as it may be lost."""
        guest.ping_at = now + _PING_AGAIN_S
        if self._strangers.credit(client) >= _PING_BYTES:
            ping = guest.session.ping(now) if guest.session else encode_command(Ping(guest.ping))
            self._say_bytes(client, SIGNATURE + ping)

    def _make_room(self, address: str | int) -> bool:
        """Whether one more fits. Whoever has proved nothing gives way, the oldest first; sessions
        never do."""
        limits = self._settings.limits
        from_there = sum(each[0] == address for each in self._guests)
        if len(self._guests) < limits.sessions and from_there < limits.sessions_per_address:
            return True
        crowded = from_there >= limits.sessions_per_address
        for client, guest in self._guests.items():
            if not guest.proved_somehow and (not crowded or client[0] == address):
                self._dismiss(client, ByeReason.TOO_MANY_SESSIONS)
                return True
        return False

    # strangers and ends

    def _answer_stranger(self, source: Address, command: Command | Unusable) -> bool:
        match command:
            case Ping(number):
                self._say(source, PingReply(number))
            case Bye():
                if source in self._guests:
                    self._forget(source, Closed(command.reason, by_peer=True, text=command.text))
                self._say(source, ByeReply())
            case Data() | SessionReset() | RetransmitRequest():
                self._say(source, Bye(ByeReason.NOT_ESTABLISHED))
            case _:
                return False
        return True

    def _turn_away(self, source: Address, reason: ByeReason) -> None:
        """No session for whoever that was. A client that has one is told nothing: a goodbye would
        end it, and the datagram may have been somebody else's."""
        guest = self._guests.get(source)
        if guest is None or guest.session is None:
            self._say(source, Bye(reason))

    def _dismiss(self, client: Address, reason: ByeReason) -> None:
        self._say(client, Bye(reason))
        self._forget(client, Closed(reason, by_peer=False))

    def _forget(self, client: Address, closed: Closed) -> None:
        guest = self._guests.pop(client)
        if guest.asked or guest.told:
            self.events.append((client, closed))

    def _say(self, source: Address, command: Command) -> None:
        self._say_bytes(source, encode((command,)))

    def _say_bytes(self, source: Address, datagram: bytes) -> None:
        """To somebody who may be somebody else: never more than came from there."""
        if self._strangers.spend(source, len(datagram)):
            self.outbox.append((source, datagram))

    # sessions

    def _session(self, client: Address) -> Session:
        guest = self._guests.get(client)
        if guest is None or guest.session is None:
            raise NotFound("there is no session with that client", hint="it has left")
        return guest.session

    def _waiting(self, client: Address) -> Visitor:
        guest = self._guests.get(client)
        if guest is None or guest.session is not None or not guest.asked:
            raise NotFound(
                "no invitation of that client waits", hint="it was withdrawn, or took too long"
            )
        return guest

    def _collect(self, client: Address, now: float) -> None:
        """Take what a session has to send and to tell, and let it go when it is over."""
        guest = self._guests.get(client)
        if guest is None or guest.session is None:
            return
        session = guest.session
        if session.verified:
            if not guest.told:
                guest.told = True
                self.events.append((client, Opened(guest.identity, guest.user)))
            self.outbox += [(client, datagram) for datagram in session.outbox]
        else:
            if not session.closed and not session.pinged_since(now - _PING_AGAIN_S / 2):
                self._ping(client, guest, now)
            for datagram in session.outbox:
                self._say_bytes(client, datagram)
        session.outbox.clear()
        if guest.told:
            self.events += [
                (client, each) for each in session.events if not isinstance(each, Closed)
            ]
        if session.closed:
            self._forget(client, next(e for e in session.events if isinstance(e, Closed)))
        if guest.told:
            session.events.clear()
