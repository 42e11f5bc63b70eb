"""``conduit conversations pin``, ``unpin``, ``pins``, ``set`` and ``summarise``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.generation import MaxTokens, Seed, Stop, Temperature, TopP, given
from conduit.cli.printing import out, print_json, print_table
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

SessionArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the conversation.")]


def pin(
    session: SessionArgument,
    text: Annotated[str, typer.Argument(help="What to keep in view.")] = "",
    message: Annotated[
        str, typer.Option(metavar="ID", help="Pin this message, as `show` has its id.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Keep a fact in view of whoever answers, however long the conversation becomes.

    Example: `conduit conversations pin cli "The set is for a small, dark room."`
    """

    async def work(app: App) -> None:
        asked = {"session": session, "text": text, "message": message}
        found: Any = await call(app, "conversations.pin", asked)
        if as_json:
            print_json(found)
        else:
            out.print(f"pinned {escape(found.text)}")

    run(work, as_json=as_json, detect=False)


def unpin(
    session: SessionArgument,
    pin: Annotated[str, typer.Argument(help="Id of the fact, as `pins` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Keep a fact in view no longer."""

    async def work(app: App) -> None:
        found: Any = await call(app, "conversations.unpin", {"session": session, "pin": pin})
        if as_json:
            print_json(found)
        else:
            left = len(found.pins)
            out.print("1 fact is pinned now." if left == 1 else f"{left} facts are pinned now.")

    run(work, as_json=as_json, detect=False)


def pins(session: SessionArgument, as_json: AsJson = False) -> None:
    """List what is pinned in a conversation."""

    async def work(app: App) -> None:
        found: Any = await call(app, "conversations.pins", {"session": session})
        if as_json:
            print_json(found)
        elif not found.pins:
            out.print("Nothing is pinned.")
        else:
            rows = [(each.id, each.role, each.text) for each in found.pins]
            print_table(("id", "said by", "fact"), rows)

    run(work, as_json=as_json, detect=False)


def set_up(
    session: SessionArgument,
    samples: Annotated[
        int | None, typer.Option(help="Answers to take the majority of; 1: no vote.")
    ] = None,
    escalate_below: Annotated[
        float | None, typer.Option(help="The share that must agree, from 0 to 1.")
    ] = None,
    escalate_to: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Who is asked where fewer agree.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="System prompt; empty: the usual.")] = None,
    provider: Annotated[str | None, typer.Option(help="Ask only this one; empty: all.")] = None,
    model: Annotated[str | None, typer.Option(help="Ask for this one; empty: the usual.")] = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_tokens: MaxTokens = None,
    seed: Seed = None,
    stop: Stop = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Forget how models were to write, then take these.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Choose how a conversation is answered; what is not given stays as it is.

    Example: `conduit conversations set cli --samples 5 --escalate-to claude-opus-4-5`,
    or `conduit conversations set cli --temperature 0.2`
    """
    new = given(temperature, top_p, max_tokens, seed, stop)

    async def work(app: App) -> None:
        asked: dict[str, Any] = {
            "session": session,
            "samples": samples,
            "escalate_below": escalate_below,
            "escalate_to": escalate_to,
            "system": system,
            "provider": provider,
            "model": model,
        }
        if new or plain:
            there: Any = await call(app, "conversations.set", {"session": session})
            before = {} if plain else loads(dumps(there.settings.generation))
            asked["generation"] = {**before, **(new or {})}
        found: Any = await call(app, "conversations.set", asked)
        if as_json:
            print_json(found)
            return
        how = found.settings
        _print_how(how)
        if how.samples == 1:
            out.print(f"{escape(session)} is answered once.")
            return
        out.print(f"{escape(session)} is answered by the majority of {how.samples} answers.")
        if how.escalate_to:
            share = f"{100 * how.escalate_below:g} %"
            out.print(f"Where fewer than {share} agree, {escape(how.escalate_to)} is asked.")

    run(work, as_json=as_json, detect=False)


def _print_how(how: Any) -> None:
    """By whom, from which prompt and how it is answered, where something is chosen."""
    chosen = {"provider": how.provider, "model": how.model, "system prompt": how.system}
    chosen |= {
        name.replace("_", " "): value for name, value in loads(dumps(how.generation)).items()
    }
    for name, value in chosen.items():
        if value not in ("", None, []):
            out.print(f"{name}: {escape(str(value))}", soft_wrap=True)


def summarise(session: SessionArgument, as_json: AsJson = False) -> None:
    """Bring the summary of the older messages up to date, and show it.

    That happens by itself, beside the turns; this waits for it.
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "conversations.summarise", {"session": session})
        if as_json:
            print_json(found)
        elif found.summary is None:
            out.print("There is too little to summarise: all of it is in view.")
        else:
            print_summary(found.summary)

    run(work, as_json=as_json)


def print_summary(summary: Any) -> None:
    """A summary, and who made it."""
    by = f"by {escape(summary.made_by)}" if summary.made_by else "extracted, by no model"
    out.print(f"[dim]summary of the first {summary.messages} messages, {by}[/]")
    out.print(escape(summary.text))
