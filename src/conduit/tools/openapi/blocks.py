"""``tools.register`` and what belongs to it, and ``function.invoke``."""

from __future__ import annotations

import asyncio
import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from conduit.blocks import Block, Effects, Gate, Length, block, current_call, dumps, loads
from conduit.blocks.utility.charset import text_of
from conduit.blocks.utility.url import WebUrl, read_url
from conduit.contracts.errors import InvalidInput, NotFound, TooLarge, Unavailable
from conduit.contracts.json import Json, JsonObject
from conduit.contracts.outcome import ErrorInfo
from conduit.store.operations import Operations, RegisteredApi, RegisteredOperation
from conduit.tools.openapi.calling import Caller, OperationReply
from conduit.tools.openapi.document import Document, Operation
from conduit.tools.openapi.names import PREFIX, api_name
from conduit.tools.openapi.reading import LARGEST, read_document
from conduit.tools.openapi.settings import FILE
from conduit.tools.openapi.shelves import Shelves

_LARGEST_COMPILED: Final = 64 << 20
_MOST_LISTED: Final = 20

CorpusId = Annotated[str, Length(0, 128), "a corpus that it belongs to, for your own order"]
ToolId = Annotated[str, Length(1, 64), "what tools.register gave"]


@dataclass(frozen=True, slots=True)
class RegisterTool:
    """An OpenAPI 3.0 or 3.1 document, itself or its address."""

    document: Annotated[str, Length(0, LARGEST), "as JSON or YAML"] = ""
    url: Annotated[str, Length(0, 8000), "where to fetch it, in place of the document"] = ""
    name: Annotated[str, Length(0, 20), "of the API; empty: made from its title"] = ""
    corpusId: CorpusId = ""
    replace: Annotated[bool, "take the place of the API of that name"] = False


@dataclass(frozen=True, slots=True)
class ToolOperation:
    """An operation, by the name of its block."""

    name: str
    method: str
    summary: str


@dataclass(frozen=True, slots=True)
class RegisteredTool:
    """The document is registered: each operation is a block."""

    toolId: str
    name: str
    title: str
    operations: tuple[ToolOperation, ...]
    status: Literal["registered"] = "registered"


@dataclass(frozen=True, slots=True)
class ListTools:
    """All of them, or those of one corpus."""

    corpusId: CorpusId = ""


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A registered document. ``operations`` is how many blocks it has."""

    toolId: str
    name: str
    title: str
    version: str
    corpusId: str
    operations: int
    created_at: Annotated[str, "UTC, ISO 8601"]


@dataclass(frozen=True, slots=True)
class Tools:
    """Ordered by name."""

    tools: tuple[ToolInfo, ...]


@dataclass(frozen=True, slots=True)
class UnregisterTool:
    """Which one."""

    toolId: ToolId


@dataclass(frozen=True, slots=True)
class Unregistered:
    """It is gone, with its blocks."""

    toolId: str
    operations: int
    status: Literal["unregistered"] = "unregistered"


@dataclass(frozen=True, slots=True)
class Invoke:
    """``id`` is a block, or a toolId; of a tool with several operations, ``operation`` says which,
    by its name or the last word of it."""

    id: Annotated[str, Length(1, 80)]
    arguments: JsonObject = field(default_factory=dict)
    operation: Annotated[str, Length(0, 64)] = ""


@dataclass(frozen=True, slots=True)
class Invoked:
    """``failed`` when the operation's own server answered with an error: then ``returnValue`` holds
    what it said. Whatever else goes wrong is an error like any other."""

    status: Literal["success", "failed"]
    returnValue: Json
    error: ErrorInfo | None = None


def register_blocks(
    operations: Operations, shelves: Shelves, caller: Caller, new_id: Callable[[], str]
) -> tuple[Block[Any, Any], ...]:
    """``tools.register``, ``tools.registered`` and ``tools.unregister``."""

    @block(
        "tools.register",
        summary="Make one block for each operation of an OpenAPI document",
        guarded=True,
        effects=Effects.NETWORK | Effects.WRITES_STATE,
    )
    async def register(wish: RegisterTool) -> RegisteredTool:
        if bool(wish.document) == bool(wish.url):
            raise InvalidInput(
                "one is needed: a document, or its url", where="document", hint="send either"
            )
        text, base = wish.document, None
        if wish.url:
            text, base = await _fetched(wish.url, caller)
        org_id = current_call().principal.org_id
        return await asyncio.to_thread(_register, wish, text, base, org_id)

    def _register(
        wish: RegisterTool, text: str, base: WebUrl | None, org_id: str
    ) -> RegisteredTool:
        document = Document.of(read_document(text), base)
        name = api_name(wish.name, document.title)
        digest = hashlib.sha256(f"{base or ''}\n{text}".encode()).hexdigest()
        known = next((each for each in operations.apis(org_id) if each.name == name), None)
        if known is not None and known.digest == digest and known.corpus_id == wish.corpusId:
            kept = [each for each in operations.names(org_id) if each.tool_id == known.id]
            return _registered(known, kept)
        tool_id = f"tool-{new_id()}"
        found = _compiled(document, name, tool_id, org_id, caller)
        api = RegisteredApi(
            id=tool_id,
            name=name,
            title=document.title,
            version=document.version,
            corpus_id=wish.corpusId,
            digest=digest,
            operations=len(found),
            created_at=datetime.now(UTC),
        )
        operations.add(org_id, api, found, replace=wish.replace)
        shelves.changed(org_id)
        return _registered(api, found)

    @block(
        "tools.registered",
        summary="List the OpenAPI documents that are registered as tools",
        effects=Effects.READS,
    )
    def registered(wish: ListTools) -> Tools:
        found = operations.apis(current_call().principal.org_id)
        kept = [each for each in found if wish.corpusId in ("", each.corpus_id)]
        return Tools(tuple(map(_info, kept)))

    @block(
        "tools.unregister",
        summary="Take a registered OpenAPI document and its blocks away",
        guarded=True,
        effects=Effects.WRITES_STATE,
    )
    def unregister(wish: UnregisterTool) -> Unregistered:
        org_id = current_call().principal.org_id
        count = operations.remove(org_id, wish.toolId)
        shelves.changed(org_id)
        return Unregistered(wish.toolId, count)

    return register, registered, unregister


def invoke_block(gate: Gate, operations: Operations) -> Block[Any, Any]:
    """``function.invoke``: any block by its name, as whoever calls it."""

    @block(
        "function.invoke",
        summary="Call a block, or an operation of a registered tool, by its id",
        effects=Effects.NETWORK | Effects.WRITES_STATE,
    )
    async def invoke(call: Invoke) -> Invoked:
        name = call.id
        if name.startswith("tool-"):
            org_id = current_call().principal.org_id
            names = await asyncio.to_thread(operations.names, org_id)
            found = [each for each in names if each.tool_id == call.id]
            name = await asyncio.to_thread(_chosen, call, found)  # a guess among many takes long
        elif call.operation:
            raise InvalidInput(
                "only a tool has operations",
                where="operation",
                hint="leave it out, or give a toolId",
            )
        key = current_call().key_for("function.invoke")
        made = await gate.acall(name, call.arguments, idempotency_key=key)
        value = loads(dumps(made))
        if isinstance(made, OperationReply) and made.status >= 400:
            said = ErrorInfo("refused", f"{name}: its server answered {made.status}", "")
            return Invoked("failed", value, said)
        return Invoked("success", value)

    return invoke


def _chosen(call: Invoke, found: list[RegisteredOperation]) -> str:
    """The block that a tool's id and an operation mean."""
    if not found:
        raise NotFound(f"there is no tool {call.id!r}", hint="tools.registered lists them")
    if not call.operation and len(found) == 1:
        return found[0].name
    names = {each.name.rpartition(".")[2]: each.name for each in found}
    last = call.operation.rpartition(".")[2]
    if call.operation in (last, names.get(last)) and last in names:
        return names[last]
    close = difflib.get_close_matches(last, names, 3)
    listed = ", ".join(close or [*names][:_MOST_LISTED])
    raise NotFound(
        f"the tool has no operation {call.operation!r}"
        if call.operation
        else f"the tool has {len(found)} operations, and none is chosen",
        where="operation",
        hint=f"it has: {listed}{'' if close or len(names) <= _MOST_LISTED else ' …'}",
    )


def _compiled(
    document: Document, name: str, tool_id: str, org_id: str, caller: Caller
) -> list[RegisteredOperation]:
    """Every operation, ready to be kept. Raises ``InvalidInput`` for a document that has none, or
    whose server nobody says, ``Forbidden`` for a server out of reach."""
    base = caller.apis.of(org_id, name).base
    servers: set[str] = set() if base is None else {str(base)}
    found: list[RegisteredOperation] = []
    size = 0
    for each in document.operations(name):
        if base is None and each.server not in servers:
            _require_server(each, name, caller)
            servers.add(each.server)
        body = dumps(each).decode()
        size += len(body)
        if size > _LARGEST_COMPILED:
            raise TooLarge(
                f"its operations take more than {_LARGEST_COMPILED} bytes",
                hint="register a part of it: the operations that are needed",
            )
        block_name = f"{PREFIX}{name}.{each.name}"
        found.append(RegisteredOperation(block_name, tool_id, each.method, each.summary, body))
    if not found:
        raise InvalidInput("the document has no operations", where="paths", hint="add some")
    return found


def _require_server(operation: Operation, name: str, caller: Caller) -> None:
    if not operation.server:
        raise InvalidInput(
            "the document names no server with a whole address",
            where="servers",
            hint=f"register it by its url, or say base_url under apis.{name} in {FILE}",
        )
    url = read_url(operation.server)
    caller.reach.on(url.port).require_host(url.host)


async def _fetched(address: str, caller: Caller) -> tuple[str, WebUrl]:
    from conduit.blocks.utility.fetch import Exchange, Limits, Request

    url = read_url(address)
    request = Request("GET", url, (("Accept", "application/json, application/yaml, */*;q=0.5"),))
    reply = await Exchange(request, Limits(largest=LARGEST), caller.reach, caller.look_up).run()
    if not 200 <= reply.status < 300:
        raise Unavailable(
            f"{url} answered {reply.status}", where="url", hint="is the address right?"
        )
    return text_of(reply.body, reply.content_type), reply.url


def _registered(api: RegisteredApi, found: list[RegisteredOperation]) -> RegisteredTool:
    listed = tuple(ToolOperation(each.name, each.method, each.summary) for each in found)
    return RegisteredTool(api.id, api.name, api.title, listed)


def _info(api: RegisteredApi) -> ToolInfo:
    return ToolInfo(
        api.id,
        api.name,
        api.title,
        api.version,
        api.corpus_id,
        api.operations,
        api.created_at.isoformat(),
    )
