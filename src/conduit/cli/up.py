"""``conduit up``: the server and the web page."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conduit.cli.printing import out
from conduit.cli.running import AsJson, run

if TYPE_CHECKING:
    from conduit.app import App

_PORT = 9321
_EXAMPLE = 'ask "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks"'


def up(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = _PORT,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the web page in a browser.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Start the server: web page, API and `/v1` for OpenAI clients, on this machine only.

    Example: `conduit up --port 8000 --no-open`
    """

    async def work(app: App) -> None:
        from conduit.surfaces.http.server import listen, serve  # brings Uvicorn along

        listener = listen(port)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        asgi = app.asgi()
        _greet(app, url, as_json)
        if open_page and _has_browser():
            import webbrowser  # 25 ms that only a desktop needs

            webbrowser.open(url)
        await serve(asgi, listener)

    run(work, as_json=as_json, serving=True)


def _greet(app: App, url: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": url, "active": app.registry.active}), flush=True)
        return
    out.print(f"Conduit is up: [bold]{url}[/]   (Ctrl-C stops it)")
    out.print(f"Try: [bold]{_this_command()} {_EXAMPLE}[/]", soft_wrap=True)
    if app.registry.active == "offline":
        out.print("[dim]No key found: the offline agent answers. `conduit doctor` says more.[/]")
    else:
        out.print(f"[dim]{app.registry.active} answers first.[/]")
    sys.stdout.flush()


def _this_command() -> str:
    """How to call this command again from here: by name if the shell finds it, else by path."""
    here = Path(sys.argv[0])
    if shutil.which("conduit") or here.name != "conduit":
        return "conduit"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)


def _has_browser() -> bool:
    """A graphical browser; a text one would take over the terminal."""
    graphical = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return graphical and sys.stdout.isatty()
