"""The call gate: the one way to a block, whichever surface the call came from.

A surface makes a call of a name, an input and a principal. The gate finds the block, asks the
policy whether this principal may, decodes and checks the input, runs the interceptors around the
work, and turns whatever went wrong into the error tree. A call made *inside* a block keeps the
principal and the correlation id of the call it serves, so nothing can do more than the person
behind it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol

from conduit.blocks.block import Block
from conduit.blocks.catalog import Catalog
from conduit.blocks.decode import decode
from conduit.blocks.effects import Need
from conduit.blocks.flow import complete
from conduit.contracts.call import LOCAL_OWNER, Call, Principal
from conduit.contracts.errors import ConduitError, Forbidden
from conduit.contracts.outcome import Outcome

log = logging.getLogger("conduit.gate")

_DIRECT = Call(block="", input=None, principal=LOCAL_OWNER, correlation_id="direct")
_current: ContextVar[Call] = ContextVar("conduit_call", default=_DIRECT)


def current_call() -> Call:
    """The call being served here; a block called directly from Python runs as the local owner."""
    return _current.get()


class _Serving:
    """Makes a call the current one."""

    __slots__ = ("_call", "_token")

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._token = _current.set(self._call)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


class Policy(Protocol):
    """Decides who may call what. A ``guarded`` permission is only for those who were given it on
    purpose."""

    def allows(self, principal: Principal, permission: str, *, guarded: bool) -> bool: ...


class Interceptor(Protocol):
    """Sees every call before its block runs and after it ended.

    ``before`` may refuse by raising; then neither the block nor later interceptors run, and
    ``after`` is called for those that had already accepted. ``after`` runs in reverse order; what
    it raises is logged and changes nothing.
    """

    async def before(self, call: Call) -> None: ...

    async def after(self, call: Call, outcome: Outcome) -> None: ...


class HeldPermissions:
    """The default policy: what the permissions name, exactly or as ``groove.*``; ``*`` is all that
    is not guarded, ``**`` is all."""

    def allows(self, principal: Principal, permission: str, *, guarded: bool = False) -> bool:
        held = principal.permissions
        if "**" in held or permission in held or ("*" in held and not guarded):
            return True
        family = permission.split(".")
        return any(".".join([*family[:n], "*"]) in held for n in range(1, len(family)))


class Gate:
    """The dispatcher of all calls. Safe to share between threads and tasks."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        new_id: Callable[[], str],
        policy: Policy | None = None,
        interceptors: Sequence[Interceptor] = (),
        usable: Callable[[Principal, str], bool] | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """``usable`` says whether a block may be offered, of which an interceptor might refuse
        every call; it is asked for lists only."""
        self.catalog = catalog
        self._usable = usable
        self._new_id = new_id
        self._policy = policy or HeldPermissions()
        self._interceptors = tuple(interceptors)
        self._timer = timer
        self._needs: dict[str, tuple[Block[Any, Any], frozenset[Need]]] = {}

    def call(self, name: str, data: object, principal: Principal | None = None) -> Any:
        """The blocking form of :meth:`acall`, for scripts.

        Raises ``InvalidInput`` inside an event loop.
        """
        return complete(name, lambda data: self.acall(name, data, principal), data)

    async def acall(
        self,
        name: str,
        data: object,
        principal: Principal | None = None,
        *,
        correlation_id: str = "",
        idempotency_key: str = "",
        lenient: bool = False,
    ) -> Any:
        """Call a block and return its output.

        ``data`` is the block's input dataclass, or plain JSON data to decode (``lenient`` as in
        ``decode``). Without a principal the call inherits that of the call it is made in.
        ``idempotency_key`` is what a service is told that can refuse to do the same thing twice.

        Raises ``NotFound``, ``Forbidden``, ``InvalidInput``, and whatever of the error tree the
        block raises; any other exception becomes a ``ConduitError`` with the details in the log.
        """
        await self.catalog.made(name)
        block, call = self._admit(name, data, principal, correlation_id, lenient)
        call.idempotency_key = idempotency_key
        async with _Served(self._interceptors, self._timer, call):
            token = _current.set(call)
            try:
                return await block.acall(call.input)
            finally:
                _current.reset(token)

    async def stream(
        self,
        name: str,
        data: object,
        principal: Principal | None = None,
        *,
        correlation_id: str = "",
    ) -> AsyncGenerator[Any, None]:
        """Like :meth:`acall`, but yields the block's events as they happen and its output last."""
        await self.catalog.made(name)
        block, call = self._admit(name, data, principal, correlation_id, lenient=False)
        items = block.astream(call.input)
        async with _Served(self._interceptors, self._timer, call):
            try:
                while True:
                    with _Serving(call):  # only while the block runs, never while we are waiting
                        try:
                            item = await anext(items)
                        except StopAsyncIteration:
                            break
                    yield item
            finally:
                with _Serving(call):
                    await items.aclose()

    @property
    def in_reach(self) -> Catalog:
        """The blocks there are for the organisation whose call is being served."""
        return self.catalog.of(current_call().principal.org_id)

    def may(self, principal: Principal, block: Block[Any, Any]) -> bool:
        """Whether this principal has the right to call this block; for rights, not for lists."""
        return not self._missing(principal, block)

    def holds(self, principal: Principal, permission: str, *, guarded: bool) -> bool:
        """Whether this principal holds a permission that no block needs by itself."""
        return self._policy.allows(principal, permission, guarded=guarded)

    def offers(self, principal: Principal, block: Block[Any, Any]) -> bool:
        """Whether to list it for them: they could call it, and it can be used now."""
        usable = self._usable is None or self._usable(principal, block.name)
        return usable and self.may(principal, block)

    def _missing(self, principal: Principal, block: Block[Any, Any]) -> list[Need]:
        """What the principal lacks for a block and for the blocks inside it."""
        known = self._needs.get(block.name)
        if known is None or known[0] is not block:
            known = self._needs[block.name] = block, block.needs
        allows = self._policy.allows
        lacking = [n for n in known[1] if not allows(principal, n.permission, guarded=n.guarded)]
        return sorted(lacking, key=lambda need: need.permission) if lacking else lacking

    def _admit(
        self,
        name: str,
        data: object,
        principal: Principal | None,
        correlation_id: str,
        lenient: bool,
    ) -> tuple[Block[Any, Any], Call]:
        outer = current_call()
        who = principal or outer.principal
        known = self.catalog if name in self.catalog else self.catalog.of(who.org_id)
        block = known.get(name)
        if missing := self._missing(who, block):
            raise Forbidden(
                f"{who.subject} may not call {name}",
                where=name,
                hint=_what_is_needed(missing),
            )
        if not isinstance(data, block.input_edge.classes):
            data = decode(block.input_type, data, lenient=lenient, where=name)
        inherited = "" if outer is _DIRECT else outer.correlation_id
        return block, Call(name, data, who, correlation_id or inherited or self._new_id())


class _Served:
    """Runs interceptors around the work, and maps foreign exceptions."""

    __slots__ = ("_accepted", "_call", "_interceptors", "_started", "_timer")

    def __init__(
        self, interceptors: Sequence[Interceptor], timer: Callable[[], float], call: Call
    ) -> None:
        self._interceptors = interceptors
        self._timer = timer
        self._call = call

    async def __aenter__(self) -> None:
        self._started = self._timer()
        self._accepted = 0
        try:
            for interceptor in self._interceptors:
                await interceptor.before(self._call)
                self._accepted += 1
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failure = error if isinstance(error, ConduitError) else None
        if failure is None and isinstance(error, Exception):
            failure = self._unexpected(error)
        elapsed_ms = (self._timer() - self._started) * 1000
        if failure is not None:
            outcome = Outcome("failed", elapsed_ms, failure)
        else:  # without an Exception it was cancelled, closed early, or the process is ending
            outcome = Outcome("ok" if error is None else "cancelled", elapsed_ms)
        for at in range(self._accepted - 1, -1, -1):
            interceptor = self._interceptors[at]
            try:
                await interceptor.after(self._call, outcome)
            except Exception:  # the work is done: a fault here undoes nothing, and silences nobody
                log.exception("%s failed after %s", type(interceptor).__name__, self._call.block)
        if failure is not None and failure is not error:
            raise failure from error

    def _unexpected(self, error: Exception) -> ConduitError:
        call = self._call
        log.error(
            "block %s failed (correlation %s)", call.block, call.correlation_id, exc_info=error
        )
        return ConduitError(
            f"{call.block} failed unexpectedly ({type(error).__name__})",
            where=call.block,
            hint=f"this is a bug; the log has the details under {call.correlation_id}",
        )


def _what_is_needed(missing: Sequence[Need]) -> str:
    names = ", ".join(repr(need.permission) for need in missing)
    guarded = any(need.guarded for need in missing)
    how = ", which is guarded: `conduit access` says who holds it and how to allow it"
    return f"the permission {names} is needed{how if guarded else ''}"
