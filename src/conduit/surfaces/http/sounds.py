"""``POST /ears/hear`` and ``POST /live/hear``: a sound in the request itself, or by its id in JSON.

A file of a form (``multipart/form-data``, RFC 7578, the part ``file``), or the bytes of a sound as
the whole body, whatever its ``Content-Type``: they are known by how they begin. What the block
takes besides may stand in the form or in the query. Bytes go to the disk as they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, closing
from pathlib import PurePosixPath
from typing import Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from conduit.blocks import Gate, dumps, loads
from conduit.contracts.errors import ConduitError, InvalidInput, TooLarge
from conduit.contracts.files import FileRef, FileStore, Incoming
from conduit.contracts.json import JsonObject
from conduit.surfaces.http.errors import error_response
from conduit.surfaces.http.leaving import until_left
from conduit.surfaces.http.limits import Limits
from conduit.surfaces.http.requests import correlation_of, principal_of

SOUND_PATHS: Final = {"/ears/hear": "ears.hear", "/live/hear": "live.hear"}
"""Addresses that take sounds, and the blocks that listen to them."""
_FILE: Final = "file"
_FIELDS: Final = ("session", "name", "start", "seconds", "lowest_bpm", "highest_bpm", "onsets")
_LARGEST_FIELD: Final = 8 << 10
_BEGINNINGS: Final = {b"RIFF": ".wav", b"RF64": ".wav", b"FORM": ".aif", b"fLaC": ".flac"}
_PIECE: Final = 1 << 20
_LONGEST_NAME: Final = 200


def hear_endpoint(
    gate: Gate, files: FileStore, block: str, limits: Limits
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint, for a route."""

    async def endpoint(request: Request) -> Response:
        who = principal_of(request)
        try:
            data: JsonObject = {}
            await gate.catalog.made(block)
            if gate.may(
                who, gate.catalog.get(block)
            ):  # else the gate says why, and nothing is kept
                with closing(files.incoming(who.org_id)) as incoming:
                    data = await _asked(request, incoming, limits)
            made = await until_left(
                request.receive,
                gate.acall(
                    block,
                    data,
                    who,
                    correlation_id=correlation_of(request),
                    lenient=bool(request.query_params) or _is_form(request),  # all of it is text
                ),
            )
        except ConduitError as error:
            return error_response(error)
        except ClientDisconnect:
            return error_response(
                InvalidInput("the client left before the body was complete", hint="send all of it")
            )
        return Response(dumps(made), media_type="application/json")

    return endpoint


async def _asked(request: Request, incoming: Incoming, limits: Limits) -> JsonObject:
    """What the block is asked, with the id of the sound that came along. Raises ``InvalidInput``,
    ``MalformedJson``, ``TooLarge`` and ``StoreError``."""
    given: JsonObject = dict(request.query_params)
    if _is_form(request):
        return await _form(request, incoming, given)
    async with aclosing(_pieces(request.stream())) as pieces:
        first = await anext(pieces, b"")
        ending = _BEGINNINGS.get(first[:4])
        if ending is None:
            return given | await _json(first, pieces, limits)
        await asyncio.to_thread(incoming.write, first)
        async for piece in pieces:
            await asyncio.to_thread(incoming.write, piece)
    return await _kept(incoming, given, f"sound{ending}")


async def _pieces(stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """A body in pieces that are worth a write; the first has four bytes, where there are any."""
    held = bytearray()
    least = 4
    async for chunk in stream:
        held += chunk
        if len(held) >= least:
            yield bytes(held)
            held.clear()
            least = _PIECE
    if held:
        yield bytes(held)


async def _json(first: bytes, pieces: AsyncIterator[bytes], limits: Limits) -> JsonObject:
    body = bytearray(first)
    async for piece in pieces:
        body += piece
        if len(body) > limits.body_bytes:
            raise TooLarge(
                "this is no WAV, AIFF or FLAC file, and too large for JSON",
                where="body",
                hint="send the bytes of a sound, or a form with a part called file",
            )
    told = loads(bytes(body)) if body else {}
    if not isinstance(told, dict):
        raise InvalidInput("the body must be a JSON object, or a sound", hint='like {"file_id": …}')
    return told


async def _form(request: Request, incoming: Incoming, given: JsonObject) -> JsonObject:
    """The fields of a form and its file. Raises ``InvalidInput``."""
    name = ""
    seen: set[str] = set()
    try:
        async with request.form(
            max_files=1, max_fields=len(_FIELDS), max_part_size=_LARGEST_FIELD
        ) as form:
            for field, value in form.multi_items():
                if field in seen or field not in (_FILE, *_FIELDS):
                    raise InvalidInput(
                        f"the form has the field {field[:40]!r}"
                        + (" twice" if field in seen else ", which is not known"),
                        where="form",
                        hint=f"send {_FILE}, and {', '.join(_FIELDS)} if you like",
                    )
                seen.add(field)
                if isinstance(value, UploadFile) != (field == _FILE):
                    raise InvalidInput(
                        f"the field {field!r} is {'no' if field == _FILE else 'a'} file",
                        where="form",
                        hint=f"the sound is the file {_FILE}; the rest is text",
                    )
                if isinstance(value, UploadFile):
                    name = value.filename or ""
                    while piece := await value.read(_PIECE):
                        await asyncio.to_thread(incoming.write, piece)
                else:
                    given[field] = value
    except HTTPException as error:  # how Starlette says that a form cannot be read
        raise InvalidInput(
            f"the form cannot be read: {str(error.detail)[:120]}",
            where="form",
            hint=f"send multipart/form-data with one file, {_FILE}",
        ) from None
    if _FILE not in seen:
        raise InvalidInput("there is no sound in the form", where="form", hint=f"send {_FILE}")
    return await _kept(incoming, given, name)


async def _kept(incoming: Incoming, given: JsonObject, name: str) -> JsonObject:
    if "file_id" in given or "path" in given:
        raise InvalidInput(
            "there are two sounds, one of them in the request itself",
            where="file_id",
            hint="leave file_id and path out",
        )
    from conduit.audio.ears_blocks import media_type_of  # NumPy, for who sends a sound

    asked = str(given.get("name") or "")
    called = _plain(asked) or _plain(name) or "sound"
    ref: FileRef = await asyncio.to_thread(incoming.keep, called, media_type_of(called))
    return given | {"file_id": ref.id, "name": called}


def _plain(name: str) -> str:
    """The name of a file without folders, and without what cannot be printed; none is hidden."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(each for each in last if each.isprintable())[:_LONGEST_NAME].strip().lstrip(".")


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower() == "multipart/form-data"
