"""``conduit corpora``: bodies of text, what they say, and what changed in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from conduit.cli.printing import out, print_json, print_table, working
from conduit.cli.running import AsJson, call, run
from conduit.contracts.errors import InvalidInput, StoreError, TooLarge

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(invoke_without_command=True)

CorpusArgument = Annotated[str, typer.Argument(metavar="CORPUS", help="Name of the corpus.")]
Mode = Literal["hybrid", "vector", "lexical"]

_MOST_BYTES = 8_000_000
_NOT_IN_A_NAME = re.compile(r"[^\w.:@+-]+")
_LONGEST_QUOTE = 240


@commands.callback(invoke_without_command=True)
def corpora(context: typer.Context, as_json: AsJson = False) -> None:
    """Keep texts in versions, find what they say, and see what changed.

    Example: `conduit corpora add notes *.md`, then `conduit corpora search notes "the kick"`
    """
    if context.invoked_subcommand is None:
        _list(as_json)


@commands.command("list")
def list_corpora(as_json: AsJson = False) -> None:
    """List the corpora.

    Example: `conduit corpora list --json`
    """
    _list(as_json)


@commands.command("show")
def show(corpus: CorpusArgument, as_json: AsJson = False) -> None:
    """Show what a corpus holds.

    Example: `conduit corpora show notes`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "corpora.get", {"corpusId": corpus})
        held: Any = await call(app, "corpora.baselines", {"corpusId": corpus})
        if as_json:
            print_json({"corpus": found, "baselines": held.baselines})
            return
        model = found.embeddingModel or "built in"
        out.print(
            escape(
                f"{corpus}: {_counted(found.baselines, 'baseline')}, "
                f"{_counted(found.reflections, 'reflection')}, embeddings {model}"
            ),
            soft_wrap=True,
        )
        if held.baselines:
            rows = [
                (each.baselineId, str(each.version), f"{each.characters:,}", each.createdAt[:16])
                for each in held.baselines
            ]
            print_table(("baseline", "version", "characters", "stored"), rows)

    run(work, as_json=as_json, detect=False)


@commands.command("add")
def add(
    corpus: CorpusArgument,
    files: Annotated[
        list[Path],
        typer.Argument(help="Text files, UTF-8.", exists=True, dir_okay=False, readable=True),
    ],
    as_json: AsJson = False,
) -> None:
    """Keep text files in a corpus, each as a baseline by the name of the file. One that has changed
    becomes a new version.

    Example: `conduit corpora add notes *.md`
    """

    async def work(app: App) -> None:
        stored: list[Any] = []
        for file in files:
            data = {"corpusId": corpus, "baselineId": _name_of(file), "content": _read(file)}
            stored.append(await call(app, "corpora.baseline", data))
        with working("indexing", quiet=as_json):
            indexed: Any = await call(app, "corpora.index", {"corpusId": corpus})
        if as_json:
            print_json({"stored": stored, "indexed": indexed})
            return
        for each in stored:
            how = "unchanged" if each.unchanged else "stored"
            out.print(escape(f"{each.baselineId}: version {each.version} {how}"), soft_wrap=True)
        out.print(escape(f"{_counted(indexed.passages, 'passage')} can be found in {corpus}"))

    run(work, as_json=as_json)


@commands.command("search")
def search(
    corpus: CorpusArgument,
    query: Annotated[str, typer.Argument(help="What to look for, in plain words.")],
    k: Annotated[int, typer.Option("--k", "-k", help="How many passages.")] = 5,
    mode: Annotated[Mode, typer.Option(help="By vectors, by words, or both.")] = "hybrid",
    as_json: AsJson = False,
) -> None:
    """Find the passages that say something about a question.

    Example: `conduit corpora search notes "where is the kick?" -k 3`
    """

    async def work(app: App) -> None:
        data = {"corpusId": corpus, "query": query, "k": k, "mode": mode}
        with working("searching", quiet=as_json):
            found: Any = await call(app, "corpora.search", data)
        if as_json:
            print_json(found)
            return
        if not found.passages:
            out.print("Nothing in it says anything about that.")
        for each in found.passages:
            out.print(f"[bold]{escape(_place(each))}[/]  [dim]{each.score:.3f}[/]", soft_wrap=True)
            out.print(escape(_short(each.text)), soft_wrap=True)
        _note(found.note)

    run(work, as_json=as_json)


@commands.command("ask")
def ask(
    corpus: CorpusArgument,
    question: Annotated[str, typer.Argument(help="A question, in plain words.")],
    as_json: AsJson = False,
) -> None:
    """Answer a question from a corpus, with citations.

    Example: `conduit corpora ask notes "where is the kick?"`
    """

    async def work(app: App) -> None:
        with working("reading", quiet=as_json):
            found: Any = await call(app, "corpora.ask", {"corpusId": corpus, "question": question})
        if as_json:
            print_json(found)
            return
        out.print(escape(found.text), soft_wrap=True)
        for each in found.citations:
            out.print(f"[dim]\\[{each.number}] {escape(_place(each.passage))}[/]", soft_wrap=True)
        _note(found.note)

    run(work, as_json=as_json)


@commands.command("drift")
def drift(
    corpus: CorpusArgument,
    baseline: Annotated[str, typer.Argument(help="Name of the baseline.")],
    against: Annotated[str, typer.Option(help="Another baseline to compare with.")] = "",
    since: Annotated[int, typer.Option("--from", help="Version; 0: the one before.")] = 0,
    to: Annotated[int, typer.Option("--to", help="Version; 0: the newest.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two versions, or two baselines.

    Example: `conduit corpora drift notes kick`
    """

    async def work(app: App) -> None:
        data = {
            "corpusId": corpus, "baselineId": baseline, "againstBaselineId": against,
            "fromVersion": since, "toVersion": to,
        }  # fmt: skip
        found: Any = await call(app, "analytics.drift", data)
        if as_json:
            print_json(found)
            return
        before, after, words = found.before, found.after, found.lexical
        out.print(
            escape(
                f"{before.baselineId} {before.version} → {after.baselineId} {after.version}: "
                f"{words.tokenChange:.1%} of the words changed, "
                f"distance of the vectors {found.embedding.centroids:.3f}"
            ),
            soft_wrap=True,
        )
        for each in found.changes:
            _print_change(each)
        if found.total > found.shown:
            out.print(f"… and {found.total - found.shown} more; --json has 50")
        _note(found.embedding.note)

    run(work, as_json=as_json)


@commands.command("summarize")
def summarize(
    corpus: CorpusArgument,
    sentences: Annotated[int, typer.Option(help="How many.")] = 5,
    extractive: Annotated[
        bool, typer.Option("--extractive", help="Sentences of the texts themselves: no model.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sum up a corpus, with citations.

    Example: `conduit corpora summarize notes --sentences 3`
    """

    async def work(app: App) -> None:
        data = {
            "corpusId": corpus, "sentences": sentences,
            "by": "extractive" if extractive else "auto",
        }  # fmt: skip
        with working("summing up", quiet=as_json):
            found: Any = await call(app, "analytics.summarize", data)
        if as_json:
            print_json(found)
            return
        out.print(escape(found.summary), soft_wrap=True)
        for each in found.citations:
            out.print(f"[dim]\\[{each.number}] {escape(_place(each.at))}[/]", soft_wrap=True)
        _note(found.note)

    run(work, as_json=as_json)


def _list(as_json: bool) -> None:
    async def work(app: App) -> None:
        found: Any = await call(app, "corpora.list", {})
        if as_json:
            print_json(found)
        elif not found.corpora:
            out.print("There are no corpora yet: `conduit corpora add NAME FILE…` makes one.")
        else:
            rows = [
                (
                    each.corpusId,
                    str(each.baselines),
                    str(each.versions),
                    str(each.reflections),
                    f"{each.characters:,}",
                )
                for each in found.corpora
            ]
            columns = ("corpus", "baselines", "versions", "reflections", "characters")
            print_table(columns, rows)

    run(work, as_json=as_json, detect=False)


def _name_of(file: Path) -> str:
    """The name of a file without its ending, as one that may stand in an address."""
    name = _NOT_IN_A_NAME.sub("-", file.stem).strip("-.:@+")[:128]
    if not name:
        raise InvalidInput(f"{file.name!r} gives no name for a baseline", hint="rename the file")
    return name


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise TooLarge(f"{file} is larger than 8 MB", hint="divide it")
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is not UTF-8 text", hint="only text can be kept") from None
    except OSError as error:
        raise StoreError(
            f"{file} could not be read: {error.strerror}", hint="check its permissions"
        ) from None


def _place(at: Any) -> str:
    name = f"{at.baselineId} {at.version}" if at.baselineId else f"reflection {at.reflectionId}"
    return f"{name}, {at.start}–{at.end}"


def _print_change(change: Any) -> None:
    if change.kind in ("removed", "changed"):
        out.print(f"[red]- {escape(_short(change.before.text))}[/]", soft_wrap=True)
    if change.kind in ("added", "changed"):
        out.print(f"[green]+ {escape(_short(change.after.text))}[/]", soft_wrap=True)
    if change.kind == "moved":
        out.print(f"[yellow]↕ {escape(_short(change.after.text))}[/]", soft_wrap=True)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"


def _note(note: str) -> None:
    if note:
        out.print(f"[dim]{escape(note)}[/]", soft_wrap=True)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
