"""``conduit providers``: who answers, and looking after them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from conduit.app import App
from conduit.cli.printing import out, print_json, print_providers
from conduit.cli.running import AsJson, call, run

commands = typer.Typer(help="See and choose who answers.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="Name of the provider.")]


@commands.callback(invoke_without_command=True)
def providers(context: typer.Context, as_json: AsJson = False) -> None:
    """List the providers: model, circuit breaker, health, average response time."""
    if context.invoked_subcommand is None:
        _show("providers.list", {}, as_json)


@commands.command("list")
def list_providers(as_json: AsJson = False) -> None:
    """List the providers in the order in which they are asked."""
    _show("providers.list", {}, as_json)


@commands.command("switch")
def switch(
    name: Name,
    model: Annotated[str, typer.Option(help="Model to use from now on.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a provider the first one to be asked."""
    _show("providers.switch", {"name": name, "model": model}, as_json)


@commands.command("add")
def add(
    name: Name,
    type: Annotated[str, typer.Option(help="openai_compatible, anthropic, ollama, groq, …")],
    base_url: Annotated[str, typer.Option(help="Address of its API; the type's own if empty.")] = "",
    model: Annotated[str, typer.Option(help="Model; the type's own if empty.")] = "",
    api_key: Annotated[
        str, typer.Option(envvar="CONDUIT_API_KEY", help="Better given by the variable.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Register a provider; it is remembered."""
    data = {"name": name, "type": type, "base_url": base_url, "model": model, "api_key": api_key}
    _show("providers.add", data, as_json)


@commands.command("reset")
def reset(name: Name, as_json: AsJson = False) -> None:
    """Close a provider's circuit breaker so that it is asked again."""
    _show("providers.reset_circuit", {"name": name}, as_json)


@commands.command("ollama")
def ollama(as_json: AsJson = False) -> None:
    """List the models of the local Ollama."""

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
