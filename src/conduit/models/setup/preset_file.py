"""A preset as a file: a whole set-up without its secrets, to keep and to share.

::

    conduit: preset
    version: 1
    name: studio
    about: what it is for
    made: "2026-01-31T12:00:00Z"
    setup: {providers: …, groups: …}   # as in providers.yaml, each key `needed` or a variable
    prompts: {default: …}              # the operator's own system prompts
    active: {provider: claude, model: claude-sonnet-4-5}
    conversation: {settings: "{…}", system: "{…}", live: "{…}", groove: "{…}"}   # JSON; of the one
                                       # that it was saved with

It may come from anybody, so it is read like any other input: bounded, strict, and complete, with
every name in it checked, before it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from conduit.contracts.errors import ConfigError, InvalidInput, TooLarge
from conduit.models.setup.file import NEEDED, settings_of
from conduit.models.setup.settings import GatewaySettings
from conduit.models.setup.shareable import Document
from conduit.store.settings_file import MAX_BYTES, Section, parse_settings
from conduit.store.yaml_places import placed

Format = Literal["yaml", "json"]
MOST_PROMPTS: Final = 200
LONGEST_ABOUT: Final = 500
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PROMPT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MADE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_READ_OTHERWISE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON lets stand in a text and YAML, which reads it here, refuses or takes for a new line."""
_LONGEST_PROMPT: Final = 64 * 1024
_FIELDS: Final = (
    "conduit",
    "version",
    "name",
    "about",
    "made",
    "setup",
    "prompts",
    "active",
    "conversation",
)


@dataclass(frozen=True, slots=True)
class Preset:
    """``setup`` is what ``providers.yaml`` would say, without secrets; ``made`` is ISO 8601 in
    UTC. ``provider`` and ``model`` are the active ones, empty when nothing was chosen."""

    name: str
    setup: Document = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    provider: str = ""
    model: str = ""
    about: str = ""
    made: str = ""
    conversation: Mapping[str, str] = field(default_factory=dict)

    def meaning(self) -> GatewaySettings:
        """The set-up where every key is there. Raises ``ConfigError``."""
        return meaning(self.setup)


def require_name(name: str) -> str:
    """Lower case, because some file systems do not tell it from upper. Raises ``InvalidInput``."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} cannot be the name of a preset",
            where="name",
            hint="use up to 64 lower-case letters, digits, dashes and underscores",
        )
    return name


def write_preset(preset: Preset, format: Format = "yaml") -> str:
    """The file. Raises ``TooLarge`` when nobody could read it again."""
    document: dict[str, Any] = {
        "conduit": "preset",
        "version": 1,
        "name": preset.name,
        "about": preset.about,
        "made": preset.made,
        "setup": preset.setup,
        "prompts": dict(preset.prompts),
        "active": {"provider": preset.provider, "model": preset.model},
        **({"conversation": dict(preset.conversation)} if preset.conversation else {}),
    }
    text = written(document, format)
    if len(text.encode()) > MAX_BYTES:
        raise TooLarge(
            f"the set-up takes more than {MAX_BYTES} bytes",
            where=preset.name,
            hint="shorten the system prompts, or save it without them",
        )
    return text


def written(document: Mapping[str, Any], format: Format = "yaml") -> str:
    """Data as YAML in the order it has, or as JSON."""
    if format == "json":
        import json

        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        return _READ_OTHERWISE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    import yaml

    class Readable(yaml.SafeDumper):
        """Texts of several lines as such, and no aliases, which are refused on reading."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represented(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        style = "|" if "\n" in value else None
        style = '"' if _READ_OTHERWISE.search(value) else style
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Readable.add_representer(str, represented)
    done: str = yaml.dump(document, Dumper=Readable, sort_keys=False, allow_unicode=True, width=100)
    return done


def read_preset(data: bytes, where: str, *, name: str = "") -> Preset:
    """Understand a file, YAML or JSON; ``name`` in place of its own. Raises ``ConfigError``."""
    document = parse_settings(data, where)
    try:
        return _preset(document, where, name)
    except ConfigError as error:
        raise placed(error, data, where) from None
    except InvalidInput as error:
        raise ConfigError(error.message, where=f"{where}: {error.where}", hint=error.hint) from None


def _preset(document: Section, where: str, name: str) -> Preset:
    _require_unicode(document.values, where)
    if document.text("conduit") != "preset":
        raise document.fault("conduit", "this is not a preset", "begin it with `conduit: preset`")
    document.refuse_unknown(_FIELDS)
    if document.values.get("version") != 1:
        raise document.fault("version", "it is not 1", "a newer Conduit may have written it")
    about, made = document.text("about"), document.text("made")
    if len(about) > LONGEST_ABOUT or (made and not _MADE.fullmatch(made)):
        raise document.fault(
            "about", "this or made is not as expected", f"{LONGEST_ABOUT} characters, and a time"
        )
    setup = document.section("setup")
    meaning(setup.values, f"{where}: setup")
    active = document.section("active")
    active.refuse_unknown(("provider", "model"))
    conversation = document.section("conversation")
    return Preset(
        name=require_name(name or document.text("name")),
        setup=setup.values,
        prompts=dict(_prompts(document.section("prompts"))),
        provider=active.text("provider"),
        model=active.text("model"),
        about=about,
        made=made,
        conversation={each: conversation.text(each) for each in conversation.values},
    )


def _prompts(section: Section) -> Iterator[tuple[str, str]]:
    for at, name in enumerate(section.values):
        text = section.text(name)
        if at >= MOST_PROMPTS or not _PROMPT_NAME.fullmatch(name):
            raise section.fault(
                name[:80],
                "it cannot be a system prompt",
                f"{MOST_PROMPTS} at most, named with letters, digits, - and _",
            )
        if len(text.encode()) > _LONGEST_PROMPT:
            raise section.fault(name, f"it exceeds {_LONGEST_PROMPT} bytes", "shorten it")
        yield name, text


class _EveryVariable(Mapping[str, str]):
    """An environment in which nothing is missing: whether a set-up is right does not depend on
    the machine that it is read on."""

    def __getitem__(self, name: str) -> str:
        return "redis://key"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def meaning(setup: Document, where: str = "setup") -> GatewaySettings:
    """What a set-up says where every key is there. Raises ``ConfigError``."""
    section = Section(setup, where)
    keyed: Document = {}
    for name, each in section.sections("providers"):
        given = each.values.get("api_key")
        if given and given != NEEDED:
            raise section.fault(
                f"providers.{name}.api_key",
                "a preset holds no key",
                f"write `api_key: {NEEDED}`, or name a variable in api_key_env",
            )
        keyed[name] = {**each.values, **({"api_key": "key"} if given else {})}
    values = {**setup, **({"providers": keyed} if keyed else {})}
    return settings_of(Section(values, where), _EveryVariable())


def _require_unicode(value: Any, where: str) -> None:
    """YAML and JSON can spell halves of characters, which no file can hold."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ConfigError(
                "a text in it is not Unicode", where=where, hint="take the \\ud… out"
            ) from None
    elif isinstance(value, dict):
        for name, each in value.items():
            _require_unicode(name, where)
            _require_unicode(each, where)
    elif isinstance(value, list):
        for each in value:
            _require_unicode(each, where)
