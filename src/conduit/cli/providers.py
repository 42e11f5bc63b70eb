"""``conduit providers``: who answers, and looking after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from conduit.cli.printing import out, print_json, print_providers
from conduit.cli.running import AsJson, call, run

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="Name of the provider.")]


@commands.callback(invoke_without_command=True)
def providers(context: typer.Context, as_json: AsJson = False) -> None:
    """See and choose who answers: model, circuit breaker, health, average response time.

    Example: `conduit providers`, then `conduit providers switch ollama`
    """
    if context.invoked_subcommand is None:
        _show("providers.list", {}, as_json)


@commands.command("list")
def list_providers(as_json: AsJson = False) -> None:
    """List the providers in the order in which they are asked.

    Example: `conduit providers list --json`
    """
    _show("providers.list", {}, as_json)


@commands.command("switch")
def switch(
    name: Name,
    model: Annotated[str, typer.Option(help="Model to use from now on.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a provider the first one to be asked. It is remembered.

    Example: `conduit providers switch anthropic --model claude-sonnet-4-5`
    """
    _show("providers.switch", {"name": name, "model": model}, as_json)


@commands.command("add")
def add(
    name: Name,
    type: Annotated[str, typer.Option(help="openai_compatible, anthropic, ollama, groq, …")],
    base_url: Annotated[
        str, typer.Option(help="Address of its API; the type's own if empty.")
    ] = "",
    model: Annotated[str, typer.Option(help="Model; the type's own if empty.")] = "",
    api_key: Annotated[
        str,
        typer.Option(
            envvar="CONDUIT_API_KEY",
            show_envvar=False,
            help="Better in CONDUIT_API_KEY; see above.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Register a provider. It is remembered, its key in a file that only you can read.

    Example: `conduit providers add studio --type openai_compatible
    --base-url http://127.0.0.1:1234/v1 --model qwen3`

    Give the key in the variable `CONDUIT_API_KEY`: what stands on a command line can be read by
    everybody on this machine in the list of processes, and stays in the history of the shell.
    """
    data = {"name": name, "type": type, "base_url": base_url, "model": model, "api_key": api_key}
    _show("providers.add", data, as_json)


@commands.command("reset")
def reset(name: Name, as_json: AsJson = False) -> None:
    """Close a provider's circuit breaker so that it is asked again.

    Example: `conduit providers reset ollama`
    """
    _show("providers.reset_circuit", {"name": name}, as_json)


@commands.command("remove")
def remove(name: Name, as_json: AsJson = False) -> None:
    """Take a provider out. One that a file or the environment names is back at the next start.

    Example: `conduit providers remove box`
    """
    _show("providers.remove", {"name": name}, as_json)


@commands.command("ollama")
def ollama(as_json: AsJson = False) -> None:
    """List the models of the local Ollama.

    Example: `conduit providers ollama`
    """

    async def work(app: App) -> None:
        found: Any = await call(app, "providers.ollama_models", {})
        if as_json:
            print_json(found)
        elif not found.available:
            out.print(f"No Ollama answers at {found.base_url}. Start it with `ollama serve`.")
        else:
            out.print("\n".join(found.models) or "Ollama has no models: try `ollama pull qwen3`.")

    run(work, as_json=as_json, detect=False)


def _show(block: str, data: dict[str, str], as_json: bool) -> None:
    async def work(app: App) -> None:
        listed: Any = await call(app, block, data)
        if as_json:
            print_json(listed)
        else:
            print_providers(listed)

    run(work, as_json=as_json)
