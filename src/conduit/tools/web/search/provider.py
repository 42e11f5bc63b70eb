"""What a search provider is: an address, a request made of a query, and a reply that is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from conduit.blocks.utility.asking import Asking, text

_LONGEST_ANSWER: Final = 50_000
_LONGEST_URL: Final = 2000


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for, and how many results at most (1 to 20)."""

    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that was found. ``published`` is as the provider writes it, empty where it does not
    say."""

    title: str
    url: str
    snippet: str
    published: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What came. ``answer`` is only from a provider that answers, and ``citations`` are the
    addresses that its ``[1]``, ``[2]`` mean."""

    hits: tuple[Hit, ...] = ()
    answer: str = ""
    citations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of provider. ``ask`` makes a request of a query, a key and a model; ``read`` takes
    what its JSON says, which may be anything. ``variable`` is where its key, or its address, is
    looked for in the environment."""

    name: str
    title: str
    variable: str
    url: str
    """Where it is; empty for one that everybody runs for themselves."""
    ask: Callable[[Query, str, str], Asking]
    read: Callable[[Any, int], Found]
    longest_query: int
    model: str = ""
    patience_s: float = 15.0


def objects(value: Any, name: str) -> Iterable[Mapping[str, Any]]:
    """The objects in a list of an object; none where there is no such thing."""
    found = value.get(name) if isinstance(value, dict) else None
    return (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()


@dataclass(frozen=True, slots=True)
class Names:
    """What a provider calls the parts of a hit; ``published`` names those that may say when."""

    title: str
    url: str
    snippet: str
    published: tuple[str, ...]


def listed(value: Any, name: str, names: Names, count: int) -> Found:
    """The hits in a list of an object."""
    found = (
        Hit(
            text(each.get(names.title)),
            url(each.get(names.url)),
            text(each.get(names.snippet)),
            next(filter(None, (text(each.get(when)) for when in names.published)), ""),
        )
        for each in objects(value, name)
    )
    return Found(hits(found, count))


def hits(found: Iterable[Hit], count: int) -> tuple[Hit, ...]:
    """The first of them that have an address of the web, each address once."""
    made: dict[str, Hit] = {}
    for hit in found:
        if len(made) == count:
            break
        if hit.url.startswith(("http://", "https://")):
            made.setdefault(hit.url, hit)
    return tuple(made.values())


def answer(value: Any) -> str:
    """A long text as it came; empty for anything else."""
    return value.strip()[:_LONGEST_ANSWER] if isinstance(value, str) else ""


def url(value: Any) -> str:
    """An address; empty for anything else, and for one too long to be one."""
    return value if isinstance(value, str) and len(value) <= _LONGEST_URL else ""
