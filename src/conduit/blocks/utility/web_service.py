"""Somebody's interface on the web: where it is and with which key, and a request to it.

A section of a settings file names one kind of several, ``${NAME}`` in its key stands for a variable
of the environment. Without the section the first kind whose variable is set decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar
from urllib.parse import urlencode

from conduit.blocks.decode import dumps
from conduit.blocks.utility.addresses import LookUp, Reach, look_up
from conduit.blocks.utility.asking import Asking
from conduit.blocks.utility.url import WebUrl, bracketed, read_url
from conduit.contracts.errors import InvalidInput
from conduit.store.settings_file import Section, closest

if TYPE_CHECKING:
    from conduit.blocks.utility.fetch import Reply

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,199})\}")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,1000}")


class Kind(Protocol):
    """One kind of service. ``variable`` is where its key, or its address, is looked for; ``url`` is
    where it is, empty for one that everybody runs for themselves."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def variable(self) -> str: ...
    @property
    def url(self) -> str: ...


K = TypeVar("K", bound=Kind)


@dataclass(frozen=True, slots=True)
class Access(Generic[K]):
    """A service, ready to be asked where there is a ``kind``, a ``url`` and nothing ``missing``."""

    kind: K | None = None
    url: WebUrl | None = None
    key: str = field(default="", repr=False)
    missing: str = ""


def from_environment(kinds: Sequence[K], environ: Mapping[str, str]) -> Access[K] | None:
    """The first kind whose variable is set; None where none is."""
    for kind in kinds:
        if given := environ.get(kind.variable, "").strip():
            url, key = (kind.url, given) if kind.url else (given, "")
            try:
                place = read_url(url)
            except InvalidInput as error:
                return Access(missing=f"{kind.variable} cannot be used: {error.message}")
            if key and not _KEY.fullmatch(key):
                return Access(missing=f"{kind.variable} cannot be used: it is no key")
            return Access(kind, place, key)
    return None


def from_section(
    section: Section, kinds: Sequence[K], environ: Mapping[str, str], *, what: str
) -> Access[K]:
    """What ``provider``, ``key`` and ``url`` of a section say. ``what`` is what the kinds are.
    Raises ``ConfigError``, which quotes no key."""
    name = section.text("provider")
    kind = next((each for each in kinds if each.name == name), None)
    if kind is None:
        names = tuple(each.name for each in kinds)
        raise section.fault("provider", f"{name[:80]!r} is not {what}", closest(name, names))
    written = section.text("key") or (f"${{{kind.variable}}}" if kind.url else "")
    missing = next((each for each in _VARIABLE.findall(written) if not environ.get(each)), "")
    key = _VARIABLE.sub(lambda each: environ.get(each[1], ""), written).strip()
    if key and not missing and not _KEY.fullmatch(key):
        raise section.fault("key", "this cannot be a key", "printable letters without spaces")
    url = section.text("url") or kind.url or environ.get(kind.variable, "")
    if not url:
        hint = f"https://{kind.name}.example.org"
        raise section.fault("url", f"{kind.title} needs the address of a server", hint)
    try:
        place = read_url(url)
    except InvalidInput as error:
        raise section.fault("url", error.message, error.hint or "https://host") from None
    said = f"{missing} is not set, which {kind.title} needs" if missing else ""
    return Access(kind, place, key, said)


async def exchange(
    url: WebUrl, asking: Asking, *, patience_s: float, largest: int, look_up: LookUp = look_up
) -> Reply:
    """Ask for JSON, and take what comes. Nothing is followed elsewhere.

    Raises ``Forbidden`` where it leads elsewhere or nothing may be asked, ``TooLarge`` for a reply
    over ``largest`` bytes, ``Unavailable`` and ``TimedOut``. None of them holds what was asked.
    """
    from conduit.blocks.utility.fetch import Exchange, Limits, Request

    there = replace(url, path=url.path.rstrip("/") + asking.path, query=urlencode(asking.query))
    headers = {"Accept": "application/json", **asking.headers}
    body = None
    if asking.body is not None:
        headers["Content-Type"] = "application/json"
        body = dumps(dict(asking.body))
    host = f"{bracketed(url.host)}:{url.port}"
    return await Exchange(
        Request(asking.method, there, tuple(headers.items()), body),
        Limits(patience_s, largest=largest, redirects=0),
        Reach(hosts=(host,), private=(host,)),  # whoever configured it may mean their own
        look_up,
    ).run()
