"""``conduit conversations``: which there are, what was said in them, finding it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.cli import conversation_files, conversation_notes
from conduit.cli.conversation_notes import SessionArgument, print_summary
from conduit.cli.printing import out, print_json, print_table
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(no_args_is_help=True, help="What was said before, and finding it again.")

Limit = Annotated[int, typer.Option(help="How many at most.")]


@commands.command("list")
def list_conversations(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List conversations, the one used last first."""

    async def work(app: App) -> None:
        found: Any = await call(app, "conversations.list", {"limit": limit})
        if as_json:
            print_json(found)
        elif not found.conversations:
            out.print("There is no conversation yet. `conduit ask` begins one.")
        else:
            rows = [
                (each.session, each.title, str(each.messages), _time(each.last_at))
                for each in found.conversations
            ]
            print_table(("name", "title", "messages", "last (UTC)"), rows)

    run(work, as_json=as_json, detect=False)


@commands.command()
def show(session: SessionArgument, limit: Limit = 100, as_json: AsJson = False) -> None:
    """Show the newest messages of a conversation, what is pinned, and the summary."""

    async def work(app: App) -> None:
        asked = {"session": session, "limit": limit}
        found: Any = await call(app, "conversations.show", asked)
        if as_json:
            print_json(found)
            return
        out.print(f"[bold]{escape(found.conversation.title)}[/]")
        for pin in found.pins:
            out.print(f"[bold]pinned[/] {escape(pin.text)}")
        if found.settings.samples > 1:
            out.print(f"[dim]answered by the majority of {found.settings.samples} answers[/]")
        if found.summary is not None:
            print_summary(found.summary)
        for each in found.messages:
            called = ", ".join(one.name for one in each.tool_calls)
            out.print(f"\n[dim]{escape(each.role)}, {_time(each.created_at)}, {each.id}[/]")
            out.print(escape(each.content or called))

    run(work, as_json=as_json, detect=False)


@commands.command()
def rename(
    session: SessionArgument,
    title: Annotated[str, typer.Argument(help="The new title; empty: the first prompt.")],
    as_json: AsJson = False,
) -> None:
    """Give a conversation a title. It keeps its name."""

    async def work(app: App) -> None:
        asked = {"session": session, "title": title}
        found: Any = await call(app, "conversations.rename", asked)
        if as_json:
            print_json(found)
        else:
            out.print(f"{escape(found.session)} is now titled {escape(found.title)}")

    run(work, as_json=as_json, detect=False)


@commands.command()
def search(
    query: Annotated[str, typer.Argument(help="What was said: these very characters.")],
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Find what was said, newest first."""

    async def work(app: App) -> None:
        asked = {"query": query, "limit": limit}
        found: Any = await call(app, "conversations.search", asked)
        if as_json:
            print_json(found)
        elif not found.hits:
            out.print("Nobody said that.")
        else:
            for each in found.hits:
                place = f"{escape(each.session)}, {each.role}, {_time(each.created_at)}"
                before, held = each.snippet[: each.start], each.snippet[each.start : each.end]
                after = each.snippet[each.end :]
                out.print(f"[dim]{place}[/]")
                out.print(f"{escape(before)}", end="")
                out.print(held, style="bold", markup=False, end="")
                out.print(escape(after))

    run(work, as_json=as_json, detect=False)


@commands.command()
def delete(session: SessionArgument, as_json: AsJson = False) -> None:
    """Delete a conversation with all its messages."""

    async def work(app: App) -> None:
        found: Any = await call(app, "conversations.delete", {"session": session})
        if as_json:
            print_json(found)
        else:
            out.print(f"{found.deleted} messages of {escape(found.session)} are deleted.")

    run(work, as_json=as_json, detect=False)


commands.command("pin")(conversation_notes.pin)
commands.command("unpin")(conversation_notes.unpin)
commands.command("pins")(conversation_notes.pins)
commands.command("set")(conversation_notes.set_up)
commands.command("summarise")(conversation_notes.summarise)
commands.command("export")(conversation_files.export)
commands.command("import")(conversation_files.take_in)


def _time(at: str) -> str:
    return at[:16].replace("T", " ")
