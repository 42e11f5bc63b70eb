"""What a block gave, as content of a result: JSON for programs, and for models what they can look
at or listen to.

A file that the result names is there itself when it is a picture or a sound and small, and as an
embedded resource when it is a short text; any other is a link, which ``resources/read`` follows.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Final

import mcp_types as types
from pydantic import TypeAdapter, ValidationError

from conduit.blocks import Block, dumps, loads
from conduit.contracts.errors import ConduitError, InvalidInput, TooLarge
from conduit.contracts.files import FileRef, FileStore
from conduit.contracts.outcome import ErrorInfo
from conduit.surfaces.mcp.sources import file_uri
from conduit.surfaces.mcp.tools import gives_object
from conduit.tools.mcp.answer import ToolAnswer

_LARGEST_RESULT: Final = 1 << 20
"""Bytes of JSON. Whoever asked is a model: what is longer belongs into a file."""
_LARGEST_INSIDE: Final = 512 << 10
"""Bytes of all files that are part of one result. Several clients refuse one of a megabyte."""
_LONGEST_TEXT: Final = 64 << 10
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_SOUNDS: Final = frozenset({
    "audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/aac", "audio/webm",
})  # fmt: skip
_TEXTS: Final = frozenset({"application/json", "application/yaml"})
_MOST_LINKS: Final = 50
_DEEPEST: Final = 8
_FIELDS: Final = "the tool's inputSchema has its fields, their types and bounds"
_TRY: Final = "`conduit doctor` says what works on this machine and what does not"
_CONTENT: Final[TypeAdapter[types.ContentBlock]] = TypeAdapter(types.ContentBlock)


async def result_of(
    block: Block[Any, Any], made: Any, files: FileStore, org_id: str
) -> types.CallToolResult:
    """Raises ``TooLarge``."""
    text = dumps(made)
    if len(text) > _LARGEST_RESULT:
        raise TooLarge(
            f"the result has {len(text)} bytes, and {_LARGEST_RESULT} can be told",
            where=block.name,
            hint="ask for less of it",
        )
    content: list[types.ContentBlock] = [types.TextContent(text=text.decode())]
    if named := _named_in(made):
        content += await asyncio.to_thread(lambda: list(_files(named, files, org_id)))
    if isinstance(made, ToolAnswer):
        content += _of_others(made)
    structured = loads(text) if gives_object(block) else None
    return types.CallToolResult(content=content, structured_content=structured)


def failed(error: ConduitError) -> types.CallToolResult:
    """An error for a model to read: what happened, and what to do about it."""
    info = ErrorInfo.of(error)
    if not info.hint:
        info = dataclasses.replace(info, hint=_FIELDS if isinstance(error, InvalidInput) else _TRY)
    told: dict[str, Any] = {"error": dataclasses.asdict(info)}
    return types.CallToolResult(
        content=[types.TextContent(text=dumps(told).decode())],
        structured_content=told,
        is_error=True,
    )


def embedded(
    contents: types.TextResourceContents | types.BlobResourceContents,
) -> types.ContentBlock:
    """A resource inside a message; a picture or a sound as what it is."""
    kind = contents.mime_type or ""
    if isinstance(contents, types.BlobResourceContents) and kind in _PICTURES:
        return types.ImageContent(data=contents.blob, mime_type=kind)
    if isinstance(contents, types.BlobResourceContents) and kind in _SOUNDS:
        return types.AudioContent(data=contents.blob, mime_type=kind)
    return types.EmbeddedResource(resource=contents)


def _files(named: Sequence[FileRef], files: FileStore, org_id: str) -> Iterator[types.ContentBlock]:
    """The first of them as themselves, while there is room."""
    room = _LARGEST_INSIDE
    for file in named:
        inside = _inside(file, files, org_id) if file.size <= room else None
        if inside is not None:
            room -= file.size
            yield inside
        if not isinstance(inside, types.EmbeddedResource):
            yield types.ResourceLink(
                name=file.name, uri=file_uri(file.id), mime_type=file.media_type, size=file.size
            )


def _inside(file: FileRef, files: FileStore, org_id: str) -> types.ContentBlock | None:
    kind = file.media_type.partition(";")[0].strip().lower()
    if not (kind in _PICTURES | _SOUNDS or _is_text(kind)):
        return None
    try:
        kept, data = files.get(org_id, file.id)
    except ConduitError:
        return None  # the link says which one it was
    if kept.size > _LARGEST_INSIDE:  # a block may say anything about a file
        return None
    if _is_text(kind):
        return _text(file, kind, data)
    blob = base64.b64encode(data).decode()
    return embedded(types.BlobResourceContents(uri=file_uri(file.id), mime_type=kind, blob=blob))


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind in _TEXTS


def _text(file: FileRef, kind: str, data: bytes) -> types.ContentBlock | None:
    try:
        text = data.decode() if len(data) <= _LONGEST_TEXT else None
    except UnicodeDecodeError:
        return None
    if text is None:
        return None
    return embedded(types.TextResourceContents(uri=file_uri(file.id), mime_type=kind, text=text))


def _of_others(answer: ToolAnswer) -> Iterator[types.ContentBlock]:
    """Pictures and sounds that a tool of another server gave. Its resources are its own: they mean
    nothing here."""
    for each in answer.others[:_MOST_LINKS]:
        try:
            content = _CONTENT.validate_python(each, by_name=False)
        except ValidationError:
            continue  # it is in the JSON all the same
        if isinstance(content, types.ImageContent | types.AudioContent):
            yield content


def _named_in(made: Any) -> list[FileRef]:
    """The files that a result names, each once."""
    found: dict[str, FileRef] = {}
    for file in _references(made, 0):
        found.setdefault(file.id, file)
        if len(found) == _MOST_LINKS:
            break
    return list(found.values())


def _references(value: Any, depth: int) -> Iterator[FileRef]:
    if isinstance(value, FileRef):
        yield value
    elif depth < _DEEPEST:
        inner: Any = ()
        if dataclasses.is_dataclass(value):
            inner = [getattr(value, field.name) for field in dataclasses.fields(value)]
        elif isinstance(value, list | tuple):
            inner = value
        elif isinstance(value, dict):
            inner = value.values()
        for each in inner:
            yield from _references(each, depth + 1)
