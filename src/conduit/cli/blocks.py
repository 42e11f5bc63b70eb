"""``conduit blocks``: everything that can be called."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import BlockInfo, json_schema, loads
from conduit.cli.printing import out, print_json, print_table
from conduit.cli.running import AsJson, run
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import InvalidInput

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(help="See and call blocks.", no_args_is_help=True)


class Format(enum.StrEnum):
    """How a block is drawn."""

    TREE = "tree"
    MERMAID = "mermaid"
    SVG = "svg"


Name = Annotated[str, typer.Argument(help="Name of the block, like groove.render.")]


@commands.command("list")
def list_blocks(
    as_json: AsJson = False,
    servers: Annotated[
        bool, typer.Option("--servers", help="Start the servers of mcp.yaml, and list theirs too.")
    ] = False,
) -> None:
    """List every block: what it does, and what it changes.

    Example: `conduit blocks list`
    """

    async def work(app: App) -> None:
        if servers:
            await app.servers.discover()
        infos = [app.gate.in_reach.info(block.name) for block in app.gate.in_reach]
        if as_json:
            print_json({"blocks": infos})
            return
        rows = [(info.name, info.summary, _nature(info)) for info in infos]
        print_table(("block", "summary", "effects"), rows)

    run(work, as_json=as_json, detect=False)


@commands.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show what a block takes and returns.

    Example: `conduit blocks show groove.render`
    """

    async def work(app: App) -> None:
        await app.servers.require(name)
        info = app.gate.in_reach.info(name)
        if as_json:
            print_json(info)
            return
        out.print(f"[bold]{info.name}[/]  {escape(info.summary)}")
        out.print(f"[dim]permission {info.permission}; effects {_nature(info) or 'none'}[/]")
        for title, schema in (("takes", info.input_schema), ("returns", info.output_schema)):
            out.print(f"\n[bold]{title}[/]")
            print_table(("field", "type", "what"), _rows(schema))

    run(work, as_json=as_json, detect=False)


@commands.command("draw")
def draw(
    name: Name,
    form: Annotated[
        Format,
        typer.Option("--format", help="Text for a terminal, Mermaid for Markdown, or a picture."),
    ] = Format.TREE,
    as_json: AsJson = False,
) -> None:
    """Draw the steps of a block, and what passes between them.

    A pipeline with a name shows everything in it. A block that is one piece of work shows only what
    it takes and makes. A program draws its own with `conduit.blocks.drawing`.

    Example: `conduit blocks draw groove.render --format svg > groove.svg`
    """
    from conduit.blocks import drawing  # not for the other commands to wait for

    async def work(app: App) -> None:
        await app.servers.require(name)
        block = app.gate.in_reach.get(name)
        drawn = {
            Format.TREE: drawing.tree,
            Format.MERMAID: drawing.mermaid,
            Format.SVG: drawing.svg,
        }
        text = drawn[form](block).rstrip()
        if as_json:
            print_json({"name": block.name, "format": form, "drawing": text})
        else:
            sys.stdout.write(f"{text}\n")

    run(work, as_json=as_json, detect=False)


@commands.command(
    "run",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def run_block(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Call a block: `--field value` for each field, or JSON on standard input with `-`.

    What it returns is printed as JSON.

    Example: `conduit blocks run groove.render --style dub --bars 16`
    """

    async def work(app: App) -> None:
        await app.servers.require(name)
        block = app.gate.in_reach.get(name)
        data = _arguments(context.args, json_schema(block.input_type))
        print_json(await app.gate.acall(name, data, LOCAL_OWNER, lenient=True))

    run(work, as_json=as_json)


def _nature(info: BlockInfo) -> str:
    """What it does besides returning a value, and whether it must be allowed on purpose."""
    effects = ", ".join(info.effects).replace("_", " ")
    return f"{effects}; guarded" if info.guarded else effects


def _arguments(words: list[str], schema: dict[str, Any]) -> Any:
    """``--field value`` pairs as a block's input; values are JSON where the field is not text."""
    if words == ["-"]:
        return loads(sys.stdin.buffer.read())
    data: dict[str, Any] = {}
    known = _fields(schema)
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise InvalidInput(f"{word!r} is not an option", hint="write --field value")
        field, equals, value = word[2:].partition("=")
        if not equals:
            if not rest:
                raise InvalidInput(f"--{field} needs a value", hint=f"write --{field} VALUE")
            value = rest.pop(0)
        field = field if field in known else field.replace("-", "_")
        data[field] = _value(value, known.get(field, {}))
    return data


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    """The schemas of the fields. Those of another program's tool may say anything at all."""
    fields = schema.get("properties")
    found = fields if isinstance(fields, dict) else {}
    return {name: each if isinstance(each, dict) else {} for name, each in found.items()}


def _value(text: str, schema: dict[str, Any]) -> Any:
    """Text stays text where the field takes text; anything else is read as JSON if it is JSON."""
    options = _listed(schema, "anyOf") or [schema]
    if any(isinstance(each, dict) and each.get("type") == "string" for each in options):
        return text
    try:
        return loads(text)
    except InvalidInput:
        return text


def _rows(schema: dict[str, Any]) -> list[tuple[str, str, str]]:
    required = _listed(schema, "required")
    return [
        (name if name in required else f"{name}?", _type(field), str(field.get("description", "")))
        for name, field in _fields(schema).items()
    ]


def _type(schema: Any) -> str:
    if not isinstance(schema, dict):  # another program's schema may say just that anything will do
        return "any"
    if options := _listed(schema, "anyOf"):
        return " | ".join(map(_type, options))
    if values := _listed(schema, "enum"):
        return " | ".join(map(str, values))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(low, int | float) and isinstance(high, int | float):
        return f"{kind} {low:g}..{high:g}"
    return str(kind)


def _listed(schema: dict[str, Any], name: str) -> list[Any]:
    found = schema.get(name)
    return found if isinstance(found, list) else []
