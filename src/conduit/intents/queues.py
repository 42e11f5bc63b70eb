"""Calls of devices: a queue for each sender, and what comes of each call told as it happens.

Every call that is taken is told of: with an ``ack``, perhaps ``progress``, and then with one
``result`` or one ``error``. A sender whose queue is full is refused, and delays no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from conduit.contracts.errors import ConduitError, Conflict, NotFound, Overloaded, Unavailable
from conduit.contracts.json import Json
from conduit.intents.codes import Trouble, trouble
from conduit.intents.service import Progress, Result, Service
from conduit.intents.telling import CANCEL, CANCELLED, Teller

log = logging.getLogger("conduit.intents")

Kind = Literal["ack", "progress", "result", "error"]
Tell = Callable[[Kind, Json | Trouble], Awaitable[None]]
"""Tells a sender. What cannot be told is its own matter: it raises nothing but cancellation."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose queue it is. ``key`` tells one sender from another, ``host`` is what several of them
    may have in common. Who is ``known`` finds room however many others there are."""

    key: str
    host: str = ""
    known: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked for. ``corr`` is the sender's own name for it, ``once`` the key under which it
    is not to be done twice."""

    intent: str
    body: Json
    corr: str
    once: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one sender's calls ``at_once`` are worked on and ``queue`` more may wait; of all senders
    at one host there may be ``of_host``, of everybody's ``calls``, and ``senders`` have some."""

    at_once: int
    queue: int
    of_host: int
    calls: int
    senders: int

    @property
    def of_sender(self) -> int:
        return self.at_once + self.queue


@dataclass(slots=True, eq=False)
class _Going:
    """A call that waits for its ``turn``, or has it. ``told``: how it ended is being said."""

    call: Call
    tell: Tell
    over: Callable[[], None]
    turn: asyncio.Future[None]
    task: asyncio.Task[None] | None = None
    has_turn: bool = False
    begun: bool = False
    unwanted: bool = False
    told: bool = False

    def end(self) -> None:
        """Let it come to its end. What has not begun sees by itself that it need not."""
        if not self.unwanted:
            self.unwanted = True
            if self.begun and self.task is not None:
                self.task.cancel()


@dataclass(slots=True)
class _Queue:
    """What one sender has going on."""

    sender: Sender
    calls: dict[str, _Going] = field(default_factory=dict)
    waiting: deque[_Going] = field(default_factory=deque)
    turns: int = 0


def _nothing() -> None:
    """Nobody asked to be told."""


class CallQueues:
    """For use in one event loop."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service = service
        self._limits = limits
        self._queues: dict[str, _Queue] = {}
        self._hosts: Counter[str] = Counter()
        self._closed = False

    @property
    def calls(self) -> int:
        """How many wait or are worked on."""
        return self._hosts.total()

    def require_room(self, sender: Sender, corr: str) -> None:
        """Raises ``Conflict`` when this ``corr`` is going on, ``Overloaded``, and ``Unavailable``
        at the end."""
        limits = self._limits
        if self._closed:
            raise Unavailable("the bridge is ending", hint="ask again in a while")
        queue = self._queues.get(sender.key)
        mine = 0 if queue is None else len(queue.calls)
        if queue is not None and corr in queue.calls:
            raise Conflict("this corr is going on already", where=corr, hint="take another one")
        if mine >= limits.of_sender:
            raise Overloaded(
                f"{mine} calls of yours are going on or wait already",
                retry_after_s=1.0,
                where=sender.key,
                hint="wait for a result before the next, or a little",
            )
        if sender.known:
            return
        full = queue is None and len(self._queues) >= limits.senders
        if full or self._hosts[sender.host] >= limits.of_host or self.calls >= limits.calls:
            raise Overloaded(
                f"{self.calls} calls of {len(self._queues)} senders are going on",
                retry_after_s=5.0,
                where=sender.key,
                hint="try again in a while",
            )

    def put(
        self, sender: Sender, call: Call, tell: Tell, over: Callable[[], None] = _nothing
    ) -> None:
        """Begin a call, or let it wait for its turn; calls of one sender begin in their order.
        ``over`` is called when all has been told of it, and never where it was closed before; what
        it raises of the error tree is logged.

        Raises as ``require_room`` does; then nothing is told, and ``over`` is not called.
        """
        self.require_room(sender, call.corr)
        queue = self._queues.get(sender.key)
        if queue is None:
            queue = self._queues[sender.key] = _Queue(sender)
        turn = asyncio.get_running_loop().create_future()
        going = queue.calls[call.corr] = _Going(call, tell, over, turn)
        queue.waiting.append(going)
        self._give_turns(queue)
        self._hosts[sender.host] += 1
        going.task = asyncio.create_task(self._work(queue, going), name=f"intent {call.corr}")
        going.task.add_done_callback(partial(self._left_queue, queue, going))

    def cancel(self, key: str, corr: str) -> None:
        """End a call of a sender, which is told so. Raises ``NotFound``."""
        queue = self._queues.get(key)
        going = queue.calls.get(corr) if queue is not None else None
        if going is None or going.told:
            raise NotFound(
                "nothing with this corr is going on", where=CANCEL, hint="it may be over"
            )
        going.end()

    def leave(self, key: str) -> None:
        """A sender is gone: end all that it asked for."""
        queue = self._queues.get(key)
        for going in tuple(queue.calls.values()) if queue is not None else ():
            going.end()

    async def idle(self) -> None:
        """Wait until nothing is worked on, and nothing waits."""
        while tasks := self._tasks():
            await asyncio.wait(tasks)

    async def aclose(self) -> None:
        """End everything without another word, and close the connections."""
        self._closed = True
        tasks = self._tasks()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._service.aclose()

    def _tasks(self) -> list[asyncio.Task[None]]:
        calls = (going for queue in self._queues.values() for going in queue.calls.values())
        return [going.task for going in calls if going.task is not None]

    def _give_turns(self, queue: _Queue) -> None:
        while queue.waiting and queue.turns < self._limits.at_once:
            going = queue.waiting.popleft()
            if not going.turn.done():  # or it was cancelled while it waited
                queue.turns += 1
                going.has_turn = True
                going.turn.set_result(None)

    def _left_queue(self, queue: _Queue, going: _Going, _: object) -> None:
        del queue.calls[going.call.corr]
        if going.has_turn:
            queue.turns -= 1
        elif going in queue.waiting:
            queue.waiting.remove(going)
        self._give_turns(queue)
        self._hosts[queue.sender.host] -= 1
        if not self._hosts[queue.sender.host]:
            del self._hosts[queue.sender.host]
        if not queue.calls:
            del self._queues[queue.sender.key]

    async def _work(self, queue: _Queue, going: _Going) -> None:
        call, tell = going.call, going.tell
        going.begun = True
        teller = Teller(partial(tell, "progress"))
        try:
            await tell("ack", None)
            if going.unwanted:
                raise asyncio.CancelledError
            await going.turn
            value = await self._asked(call, teller)
            going.told = True
            await tell("result", value)
        except ConduitError as error:
            going.told = True
            await teller.flush()
            await tell("error", trouble(error))
        except asyncio.CancelledError:
            if self._closed:
                raise
            going.told = True
            await tell("error", CANCELLED)
        except Exception:
            going.told = True
            log.exception("%s: the call %s failed", queue.sender.key, call.corr)
            await tell("error", trouble(ConduitError("it failed")))
        finally:
            await teller.aclose()
            if not self._closed:
                _end(queue.sender, going)

    async def _asked(self, call: Call, teller: Teller) -> Json:
        """Ask the service, and tell what happens on the way."""
        value: Json = None
        async with aclosing(self._service.call(call.intent, call.body, call.once)) as items:
            async for item in items:
                if isinstance(item, Progress):
                    await teller.hear(item.event)
                elif isinstance(item, Result):
                    value = item.value
        await teller.flush()
        return value


def _end(sender: Sender, going: _Going) -> None:
    try:
        going.over()
    except ConduitError as error:  # a full disk, say: its sender has been told already
        log.warning("%s: that %s is over was not noted: %s", sender.key, going.call.corr, error)
