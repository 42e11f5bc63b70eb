"""What the official conformance suite asks a server for, as blocks, resources and prompts of ours:
served by the real surface, behind the real guard.

    python -m tests.fakes.mcp_everything FOLDER     # prints its address
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mcp_types as types
from starlette.responses import PlainTextResponse

from conduit.blocks import Block, Catalog, Effects, Gate, NoOp, block
from conduit.blocks.foreign import Foreign, foreign_type
from conduit.blocks.function import FunctionBlock
from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import NotFound, Unavailable
from conduit.contracts.files import FileRef
from conduit.store.files import DiskFiles
from conduit.surfaces.http.listening import listen, serve
from conduit.surfaces.http.server import http_surface
from conduit.surfaces.mcp.behalf import Behalf
from conduit.surfaces.mcp.http import McpOverHttp
from conduit.surfaces.mcp.sources import Contents
from conduit.surfaces.mcp.touched import Touched

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
SILENCE = b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80>\x00\x00"
SILENCE += b"\x02\x00\x10\x00data\x00\x00\x00\x00"
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
HEADERS = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
}


@dataclass(frozen=True, slots=True)
class Said:
    """A text."""

    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Message:
    """What to show."""

    message: str


@dataclass(frozen=True, slots=True)
class Made:
    """Files."""

    text: str
    files: list[FileRef]


@dataclass(frozen=True, slots=True)
class Names:
    """Names of prompts."""

    names: list[str]


@dataclass(frozen=True, slots=True)
class Empty:
    """No grooves."""

    grooves: list[str]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the list."""

    after: str = ""
    most: int = 50


class Texts:
    """System prompts; one more when the suite wants the list to change."""

    def __init__(self) -> None:
        self.texts = {
            "test_simple_prompt": "This is a simple prompt for testing.",
            "test_prompt_with_arguments": "Prompt with arguments: arg1='{{arg1}}', arg2='{{arg2}}'",
            "test_prompt_with_embedded_resource": (
                "Please process the embedded resource above. ({{resourceUri}})"
            ),
        }

    def text(self, name: str) -> str:
        return self.texts[name]


class TestSource:
    """``test://`` resources."""

    prefix = "test://"
    templates = (
        types.ResourceTemplate(
            name="data", uri_template="test://template/{id}/data", mime_type="application/json"
        ),
    )

    async def page(
        self, behalf: Behalf, after: str, most: int
    ) -> tuple[Sequence[types.Resource], bool]:
        listed = [
            types.Resource(name="static-text", uri="test://static-text", mime_type="text/plain"),
            types.Resource(name="static-binary", uri="test://static-binary", mime_type="image/png"),
        ]
        return [each for each in listed if each.name > after], False

    async def read(self, behalf: Behalf, uri: str) -> Sequence[Contents]:
        if uri == "test://static-binary":
            blob = base64.b64encode(PIXEL).decode()
            return [types.BlobResourceContents(uri=uri, mime_type="image/png", blob=blob)]
        if uri in ("test://static-text", "test://example-resource"):
            text = "This is the content of the static text resource."
            return [types.TextResourceContents(uri=uri, mime_type="text/plain", text=text)]
        kind, _, name = uri.removeprefix("test://").partition("/")
        if kind != "template":
            raise NotFound(f"there is no {uri}")
        number = name.removesuffix("/data")
        said = {"id": number, "templateTest": True, "data": f"Data for ID: {number}"}
        text = json.dumps(said)
        return [types.TextResourceContents(uri=uri, mime_type="application/json", text=text)]

    async def begun(self, behalf: Behalf, start: str, most: int) -> Sequence[str]:
        return ()


def everything(files: DiskFiles, texts: Texts) -> Catalog:
    """All blocks, in a catalog to which some of them add."""
    catalog = Catalog()
    number = itertools.count()

    def kept(name: str, kind: str, data: bytes) -> FileRef:
        return files.put(DEFAULT_ORG, name, kind, data)

    def saying(name: str, text: str, **options: Any) -> Block[Any, Any]:
        @block(name, summary=f"Say {name}", **options)
        def say(_: NoOp) -> Said:
            return Said(text)

        return say

    def giving(name: str, *made: tuple[str, str, bytes]) -> Block[Any, Any]:
        @block(name, summary=f"Give {name}")
        def give(_: NoOp) -> Made:
            return Made("Multiple content types test:", [kept(*each) for each in made])

        return give

    def taking(name: str, schema: dict[str, Any]) -> Block[Any, Any]:
        @block(name, summary="Take what a foreign schema says")
        def take(data: Foreign) -> Said:
            return Said(json.dumps(data.values))

        made: FunctionBlock[Any, Any] = take
        made.input_type = foreign_type("Given", schema)
        return made

    @block("test_error_handling", summary="Fail")
    def fail(_: NoOp) -> Said:
        raise Unavailable("This tool intentionally returns an error for testing")

    @block("test_elicitation", summary="Ask the person first", approval=True)
    def ask(data: Message) -> Said:
        return Said(f"They agreed to {data.message}")

    def telling(name: str, **options: Any) -> Block[Any, Any]:
        @block(name, summary="Tell how far it is", **options)
        async def tell(_: NoOp) -> AsyncIterator[Step | Said]:
            for text in ("started", "processing data", "completed"):
                yield Step(f"Tool execution {text}")
                await asyncio.sleep(0.07)
            yield Said("It was executed")

        return tell

    @block("test_trigger_tool_change", summary="Add a tool", effects=Effects.WRITES_STATE)
    def change_tools(_: NoOp) -> Said:
        catalog.add(saying(f"test_added_{next(number)}", "I am new"))
        return Said("changed")

    @block("test_trigger_prompt_change", summary="Add a prompt", effects=Effects.WRITES_STATE)
    def change_prompts(_: NoOp) -> Said:
        texts.texts[f"added-{next(number)}"] = "I am new."
        return Said("changed")

    @block("prompts.list", summary="List the prompts", effects=Effects.READS)
    def prompts(_: NoOp) -> Names:
        return Names(sorted(texts.texts))

    @block("groove.list", summary="List no grooves", effects=Effects.READS)
    def grooves(_: Page) -> Empty:
        return Empty([])

    picture = ("a.png", "image/png", PIXEL)
    data = ("a.json", "application/json", b'{"test":"data","value":123}')
    for each in (
        saying("test_simple_text", "This is a simple text response for testing."),
        giving("test_image_content", picture),
        giving("test_audio_content", ("a.wav", "audio/wav", SILENCE)),
        giving("test_embedded_resource", ("a.txt", "text/plain", b"This is an embedded resource.")),
        giving("test_multiple_content_types", picture, data),
        taking("json_schema_2020_12_tool", SCHEMA),
        taking("test_custom_headers", HEADERS),
        telling("test_tool_with_logging"),
        telling("test_tool_with_progress"),
        telling("test_logging_tool"),
        telling("test_streaming_elicitation", approval=True),
        saying("test_missing_capability", "They agreed", approval=True),
        *(
            saying(f"test_input_required_result_{name}", "state-ok", approval=True)
            for name in ("elicitation", "request_state", "tampered_state")
        ),
        fail,
        ask,
        change_tools,
        change_prompts,
        prompts,
        grooves,
    ):
        catalog.add(each)
    return catalog


async def main(folder: Path) -> None:
    files, texts = DiskFiles(folder / "files"), Texts()
    catalog = everything(files, texts)
    ids = itertools.count(1)
    touched = Touched(catalog)
    gate = Gate(catalog, new_id=lambda: f"call-{next(ids)}", interceptors=[touched])
    mcp = McpOverHttp(gate, files, texts, touched=touched, sources=[TestSource()])
    app = http_surface(
        gate, files, PlainTextResponse("none"), lambda: f"correlation-{next(ids)}", mcp=mcp
    )
    listener = listen(0)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    await serve(app, listener)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
