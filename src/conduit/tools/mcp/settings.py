"""``mcp.yaml``: servers of the Model Context Protocol whose tools are blocks here.

::

    servers:
      search:
        command: npx
        args: ["-y", "perplexity-mcp"]
        env: {PERPLEXITY_API_KEY: "${PERPLEXITY_API_KEY}"}
        tools: [search]              # only these; all of them when left out
      notes:
        url: https://notes.example.com/mcp
        headers: {Authorization: "Bearer ${NOTES_TOKEN}"}
        timeout_s: 20                # for one call
      tickets:
        url: https://tickets.example.com/mcp
        oauth: {scopes: [read]}      # then `conduit mcp login tickets`
      builds:
        url: https://builds.example.com/mcp
        oauth:
          as_itself: true
          client_id: conduit
          client_secret: "${BUILDS_SECRET}"
          issuer: https://login.example.com

What a ``${VARIABLE}`` stands for is looked up when the server is started, and is told to nobody
else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from conduit.contracts.errors import ConfigError
from conduit.store.settings_file import Section, read_settings

FILE: Final = "mcp.yaml"
TOKENS: Final = "mcp-tokens"
_FIELDS: Final = (
    "command", "args", "env", "url", "headers", "oauth", "tools", "timeout_s", "start_s",
)  # fmt: skip
_OAUTH: Final = ("client_id", "client_secret", "client_url", "scopes", "issuer", "as_itself")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,199})\}")
_MOST_SERVERS: Final = 50


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """How to be let in at an address. Empty means that the authorization server is asked.

    ``client_url`` is where a document says who Conduit is, for authorization servers that take its
    address as a client's id. ``as_itself`` needs no person: the client is let in, not somebody.
    ``issuer`` is the only authorization server that a ``client_secret`` may be shown to.
    """

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_url: str = ""
    scopes: tuple[str, ...] = ()
    issuer: str = ""
    as_itself: bool = False


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A server: a command to start, or an address. Times are seconds."""

    name: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tools: tuple[str, ...] = ()
    """Names of those that are wanted; none means all."""
    timeout_s: float = 60.0
    """For one call."""
    start_s: float = 30.0
    """From the start of the command to the list of its tools."""
    oauth: OAuthSettings | None = None
    tokens: Path | None = None
    """Where what it lets Conduit in with is kept."""

    @property
    def place(self) -> str:
        """Where it is, without anything secret."""
        if not self.url:
            return self.command[0]
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{parts.path}"


def read_servers(home: Path) -> tuple[ServerSettings, ...]:
    """The servers of a file in ``CONDUIT_HOME``; there need not be one.

    Raises ``ConfigError``, whose ``where`` is the file and the path in it.
    """
    document = read_settings(home / FILE)
    document.refuse_unknown(("servers",))
    folder = home / TOKENS
    servers = tuple(_server(name, each, folder) for name, each in document.sections("servers"))
    if len(servers) > _MOST_SERVERS:
        raise document.fault("servers", "there are too many", f"{_MOST_SERVERS} at most")
    return servers


def _server(name: str, section: Section, folder: Path) -> ServerSettings:
    if not _NAME.fullmatch(name):
        raise section.fault(
            "", f"{name[:80]!r} cannot be the name of a server", "a-z, 0-9 and _, 32 at most"
        )
    section.refuse_unknown(_FIELDS)
    command, url = section.text("command"), section.text("url")
    if bool(command) == bool(url):
        raise section.fault("command", "give a command or a url, one of them", "command: npx")
    _require_address(section, url)
    return ServerSettings(
        name=name,
        command=(command, *section.texts("args")) if command else (),
        env=_texts(section, "env"),
        url=url,
        headers=_texts(section, "headers"),
        tools=section.texts("tools"),
        timeout_s=section.number("timeout_s", 60.0, 0.1, 3600),
        start_s=section.number("start_s", 30.0, 0.1, 600),
        oauth=_oauth(section, url),
        tokens=folder / f"{name}.json",
    )


def _oauth(section: Section, url: str) -> OAuthSettings | None:
    if "oauth" not in section.values:
        return None
    if not url:
        raise section.fault("oauth", "a command needs none", "it gets its secrets in env")
    inner = section.section("oauth")
    inner.refuse_unknown(_OAUTH)
    settings = OAuthSettings(
        client_id=inner.text("client_id"),
        client_secret=inner.text("client_secret"),
        client_url=inner.text("client_url"),
        scopes=inner.texts("scopes"),
        issuer=inner.text("issuer"),
        as_itself=inner.flag("as_itself"),
    )
    if settings.as_itself and not (
        settings.client_id and settings.client_secret and settings.issuer
    ):
        raise inner.fault(
            "as_itself",
            "it needs a client_id, a client_secret and the issuer who may see it",
            "without as_itself a person logs in",
        )
    if settings.client_url and not re.fullmatch(r"https://[^/]+/.+", settings.client_url):
        raise inner.fault("client_url", "expected https://…/…", "an address of a document")
    return settings


def _require_address(section: Section, url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in url
    except ValueError:
        usable = False
    if url and not usable:
        raise section.fault(
            "url", "expected an http:// or https:// address", "secrets belong into headers"
        )


def _texts(section: Section, name: str) -> Mapping[str, str]:
    inner = section.section(name)
    return {key: inner.text(key) for key in inner.values}


def variables_of(text: str) -> list[str]:
    """The names of the variables in it."""
    return _VARIABLE.findall(text)


def filled(texts: Mapping[str, str], environ: Mapping[str, str], where: str) -> dict[str, str]:
    """The texts with what their variables stand for. Raises ``ConfigError`` that names the one that
    is not set, and no value of any."""
    for text in texts.values():
        for name in _VARIABLE.findall(text):
            if not environ.get(name):
                raise ConfigError(
                    f"the variable {name} is not set", where=where, hint=f"export {name}=…"
                )
    return {
        key: _VARIABLE.sub(lambda found: environ[found[1]], text) for key, text in texts.items()
    }
