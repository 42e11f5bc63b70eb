"""Finding providers that nobody configured: keys in the environment, servers on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from conduit.contracts.errors import InvalidInput, ProviderError
from conduit.models.catalogue import CATALOGUE, Kind
from conduit.models.exchange import NotTheProtocol
from conduit.models.probe import get_json
from conduit.models.reading import listed_models, parse_object
from conduit.models.secret import Secret
from conduit.models.settings import ProviderSettings, configure
from conduit.models.transport import Limits, PooledTransport
from conduit.models.wire.ollama import OLLAMA

BUDGET_S = 0.3
"""For all local probes together, whatever listens."""
ENVIRONMENT_PRIORITY = 200
LOCAL_PRIORITY = 300
_LIST_LIMITS = Limits(connect_s=1.0, silence_s=3.0, total_s=5.0)
_LIST_BYTES = 4 << 20


def detect_environment(environ: Mapping[str, str]) -> tuple[ProviderSettings, ...]:
    """A provider for every key variable of the catalogue that is set to something usable, where a
    key is all that is needed."""
    found = []
    for kind in CATALOGUE.values():
        value = environ.get(kind.key_env, "").strip() if kind.found_by_key else ""
        if not value:
            continue
        try:
            key = Secret(value, where=kind.key_env)
        except InvalidInput:
            continue
        found.append(
            configure(
                kind.type,
                kind.type,
                source="environment",
                key=key,
                key_env=kind.key_env,
                priority=ENVIRONMENT_PRIORITY,
            )
        )
    return tuple(found)


def local_kinds(environ: Mapping[str, str]) -> tuple[Kind, ...]:
    """What to look for on this machine, with Ollama where its own variable says it is."""
    ollama = ollama_url(environ.get("OLLAMA_HOST", ""))
    return tuple(
        replace(kind, base_url=ollama) if kind.type == "ollama" else kind
        for kind in CATALOGUE.values()
        if kind.port
    )


async def detect_local(
    kinds: Iterable[Kind], *, budget_s: float = BUDGET_S
) -> tuple[ProviderSettings, ...]:
    """Those of the servers that are there, speak their protocol and offer a model to chat with.

    All are asked at once; who has not answered after ``budget_s`` is taken as not there.
    """
    probes = [asyncio.create_task(_probe(kind)) for kind in kinds]
    if not probes:
        return ()
    try:
        await asyncio.wait(probes, timeout=budget_s)
    finally:
        for probe in probes:
            probe.cancel()
        results = await asyncio.gather(*probes, return_exceptions=True)
    return tuple(result for result in results if isinstance(result, ProviderSettings))


def ollama_url(host: str) -> str:
    """The base URL that ``OLLAMA_HOST`` means: a host, with or without scheme and port; empty is
    this machine, and so is the wildcard address that a server is told to listen on."""
    host = host.strip()
    try:
        at = urlsplit(host if "://" in host else f"http://{host}")
        port = at.port or {"http": 80, "https": 443}.get(at.scheme if "://" in host else "", 11434)
    except ValueError:
        return CATALOGUE["ollama"].base_url
    name = at.hostname or ""
    name = "127.0.0.1" if name in ("", "0.0.0.0", "::") else name
    name = f"[{name}]" if ":" in name else name
    return f"{at.scheme}://{name}:{port}{at.path.rstrip('/')}"


async def list_ollama_models(base_url: str) -> tuple[str, ...] | None:
    """The models an Ollama offers, in its own order; None when no Ollama answers there.
    ``base_url`` may be anything that ``OLLAMA_HOST`` may be."""
    transport = PooledTransport("ollama", _LIST_LIMITS)
    body = bytearray()
    try:
        async with transport.open(
            "GET", ollama_url(base_url) + OLLAMA.listing.path, (), b""
        ) as reply:
            if reply.status != 200:
                return None
            while piece := await reply.read():
                body += piece
                if len(body) > _LIST_BYTES:
                    return None
        return listed_models(parse_object(bytes(body), "the list of models"), OLLAMA.listing)
    except (ProviderError, NotTheProtocol):
        return None
    finally:
        await transport.aclose()


async def _probe(kind: Kind) -> ProviderSettings | None:
    listing = kind.wire.listing
    document = await get_json(kind.base_url + listing.path)
    if document is None:
        return None
    try:
        models = listed_models(document, listing)
    except NotTheProtocol:
        return None
    chatty = tuple(model for model in models if "embed" not in model.lower())
    if not chatty:
        return None
    settings = configure(
        kind.type,
        kind.type,
        source="local",
        base_url=kind.base_url,
        model=chatty[0],
        priority=LOCAL_PRIORITY,
    )
    return replace(settings, models=chatty)
