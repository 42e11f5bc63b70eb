"""Presets: the whole set-up under a name, to come back to, and to share without its secrets.

They are files in ``CONDUIT_HOME/presets``. To apply one replaces ``providers.yaml``, the providers
that were added while running, which one is active, and the system prompts of the same names, all
together or not at all. What was there before is kept with its keys in ``presets/.before.json``
(mode 0600, never exported), so that it can be undone.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from conduit.contracts.errors import (
    ConduitError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
)
from conduit.models.memory import Remembered
from conduit.models.private_file import unusable, write_private
from conduit.models.settings import ProviderSettings
from conduit.models.setup.changes import Changes, difference
from conduit.models.setup.file import read_bytes
from conduit.models.setup.preset_before import Before, Conversation, load_before, save_before
from conduit.models.setup.preset_file import (
    Format,
    Preset,
    read_preset,
    require_name,
    write_preset,
    written,
)
from conduit.models.setup.reload import ProvidersFile
from conduit.models.setup.shareable import (
    SHORTEST_SECRET,
    Needed,
    keys_sent_elsewhere,
    require_without,
    secrets_of,
    section_of,
    shareable,
    with_keys,
    without,
)
from conduit.store.settings_file import MAX_BYTES

log = logging.getLogger("conduit.models.presets")

MOST_PRESETS: Final = 200
FOLDER: Final = "presets"
Place = tuple[str, str]
"""A conversation: its organisation and its name."""


class Prompts(Protocol):
    """The operator's own system prompts, as texts by name."""

    def texts(self) -> Mapping[str, str]: ...

    def put(self, texts: Mapping[str, str | None]) -> None:
        """Write these, and take away those that are None: all or, raising ``StoreError``, none."""
        ...


class Conversations(Protocol):
    """What belongs to conversations beside what was said in them, as texts by name."""

    def kept(self, org_id: str, session: str) -> Mapping[str, str]:
        """Raises ``StoreError``."""
        ...

    def require(self, kept: Mapping[str, str]) -> None:
        """Raises ``InvalidInput`` for what no conversation can have."""
        ...

    def fitted(
        self, kept: Mapping[str, str], prompts: Mapping[str, str], preset: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """What is kept as it is to be restored beside these system prompts, and those that it needs
        further. Raises as ``require``."""
        ...

    def restore(self, org_id: str, session: str, kept: Mapping[str, str]) -> None:
        """Put this in the place of what is there. Raises ``StoreError``."""
        ...


class Chosen(Protocol):
    """What was added and chosen while running."""

    def remembered(self) -> Remembered:
        """May be called from any thread."""
        ...

    async def restore(self, remembered: Remembered) -> None:
        """Put this in its place, in the registry and in its memory. Raises ``StoreError``."""
        ...


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """One preset in a list. ``fault`` says why it cannot be used."""

    name: str
    about: str = ""
    made: str = ""
    providers: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    fault: str = ""
    conversation: tuple[str, ...] = ()
    """What it holds of a conversation."""


@dataclass(frozen=True, slots=True)
class PresetShown:
    """``text`` is the file, ``changes`` what it would change here, ``needed`` the keys that are not
    here, ``sent_elsewhere`` the providers that would get a key of this machine at an address that
    it was not sent to before."""

    info: PresetInfo
    text: str
    changes: Changes
    needed: tuple[Needed, ...]
    sent_elsewhere: tuple[str, ...]
    conversation: dict[str, str]
    """What it holds of a conversation: JSON by its name."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What happened. ``prompts`` are the names of those that were written."""

    changes: Changes
    prompts: tuple[str, ...]
    needed: tuple[Needed, ...] = ()


class Presets:
    """The presets of one ``CONDUIT_HOME``. For use in one event loop."""

    def __init__(
        self,
        home: Path,
        file: ProvidersFile,
        environ: Mapping[str, str],
        *,
        prompts: Prompts,
        chosen: Chosen,
        conversations: Callable[[], Conversations] | None = None,
        secrets: Callable[[], Iterable[str]] = tuple,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``conversations`` gives what is kept of them, when that is needed first; ``secrets`` are
        those of this machine that no provider has."""
        self._folder = home / FOLDER
        self._file = file
        self._environ = environ
        self._prompts = prompts
        self._chosen = chosen
        self._kept_conversations = conversations
        self._more_secrets = secrets
        self._now = now
        self._turn = asyncio.Lock()

    @functools.cached_property
    def _conversations(self) -> Conversations | None:
        return self._kept_conversations() if self._kept_conversations is not None else None

    def save(
        self, name: str, *, about: str = "", replace: bool = False, of: Place | None = None
    ) -> PresetInfo:
        """Keep the set-up that is in force, and what belongs to a conversation, if one is named.
        Raises ``InvalidInput``, ``Conflict``, ``ConfigError`` when a key cannot be kept out,
        ``TooLarge`` and ``StoreError``."""
        self._file.require_known()
        return self._keep(self._current(name, about, of), replace)

    def list(self) -> tuple[PresetInfo, ...]:
        """All of them by name; a file that cannot be used is among them, with its fault."""
        try:
            names = sorted(path.stem for path in self._folder.glob("*.yaml"))[:MOST_PRESETS]
        except OSError as error:
            raise unusable(self._folder, "listed", error) from None
        return tuple(self._info(name) for name in names)

    def show(self, name: str) -> PresetShown:
        """Raises ``NotFound``, ``InvalidInput`` and ``ConfigError``."""
        preset = self._read(name)
        setup, needed = with_keys(preset.setup, self._environ, self._machine())
        settings = self._file.parsed(written(setup))
        return PresetShown(
            info=_info(preset),
            text=write_preset(preset),
            changes=difference(self._file.settings, settings),
            needed=needed,
            sent_elsewhere=keys_sent_elsewhere(settings.providers, self._machine()),
            conversation=dict(preset.conversation),
        )

    def conversation(self, name: str) -> Mapping[str, str]:
        """What a preset holds of a conversation: JSON by its name; empty where it holds nothing.
        Raises ``NotFound``, ``InvalidInput`` and ``ConfigError``."""
        return dict(self._read(name).conversation)

    def export(self, name: str, *, format: Format = "yaml") -> str:
        """The file for somebody else. It is looked through for the keys of this machine once more.
        Raises ``NotFound``, ``InvalidInput`` and ``ConfigError``."""
        self._file.require_known()
        text = write_preset(self._read(name), format)
        require_without(text, self._secrets())
        return text

    def take(self, text: str, *, name: str = "", replace: bool = False) -> PresetInfo:
        """Keep a preset that came from elsewhere, under another name if one is given; nothing is
        applied. Raises ``ConfigError``, ``InvalidInput``, ``Conflict`` and ``StoreError``."""
        data = text.encode(errors="replace")
        return self._keep(read_preset(data, "preset", name=name and require_name(name)), replace)

    def remove(self, name: str) -> None:
        """Raises ``NotFound``, ``InvalidInput`` and ``StoreError``."""
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            raise self._unknown(name) from None
        except OSError as error:
            raise unusable(path, "removed", error) from None

    async def apply(self, name: str, *, trusted: bool = False, to: Place | None = None) -> Applied:
        """Make a preset what holds, with the keys that this machine has for the same providers;
        what it holds of a conversation goes to the one that is named, if one is.

        Unless it is ``trusted``, no variable of the environment is sent to an address that it was
        not sent to before. Raises ``NotFound``, ``ConfigError``, ``Forbidden`` and ``StoreError``;
        then all is as it was.
        """
        async with self._turn:
            preset = await asyncio.to_thread(self._read, name)
            machine = self._machine()
            setup, needed = with_keys(preset.setup, self._environ, machine)
            text = written(setup)
            settings = await asyncio.to_thread(self._file.parsed, text)
            elsewhere = keys_sent_elsewhere(settings.providers, machine)
            if elsewhere and not trusted:
                raise Forbidden(
                    f"keys of this machine would be sent to new addresses: {', '.join(elsewhere)}",
                    where=name,
                    hint="look at it, and apply it as trusted if these addresses are right",
                )
            conversation, further = await asyncio.to_thread(self._wanted, preset, to)
            prompts = {**preset.prompts, **further}
            remembered = Remembered((), preset.provider, preset.model)
            changes = await self._swap(Before(text, remembered, prompts, conversation))
            return Applied(changes, tuple(prompts), needed)

    async def undo(self) -> Applied:
        """Go back to what was there before a preset was applied; to do it again goes forward.
        Raises ``NotFound`` when there is nothing to go back to, and as ``apply``."""
        async with self._turn:
            before = await asyncio.to_thread(load_before, self._folder)
            changes = await self._swap(before)
            return Applied(changes, tuple(name for name, text in before.prompts.items() if text))

    async def _swap(self, wanted: Before) -> Changes:
        """Keep what is there, then replace it; put it back when anything fails on the way."""
        there = await asyncio.to_thread(self._there, wanted)
        await asyncio.to_thread(save_before, self._folder, there)
        try:
            await asyncio.to_thread(self._prompts.put, wanted.prompts)
            # The file first: where both have a provider it is the file's that counts, and nobody
            # is ever missing in between.
            changes = await self._file.put(wanted.file or "")
            await self._chosen.restore(wanted.remembered)
            await self._restore(wanted.conversation)
        except BaseException:
            await asyncio.shield(self._put_back(there))
            raise
        return changes

    async def _put_back(self, there: Before) -> None:
        try:
            await asyncio.to_thread(self._prompts.put, there.prompts)
            if there.file != await asyncio.to_thread(self._file_text):
                await self._file.put(there.file or "")
            if there.remembered != self._chosen.remembered():
                await self._chosen.restore(there.remembered)
            await self._restore(there.conversation)
        except ConduitError as error:
            log.error("what was there before a preset could not be put back: %s", error)

    def _there(self, wanted: Before) -> Before:
        prompts = self._prompts.texts()
        return Before(
            self._file_text(),
            self._chosen.remembered(),
            {name: prompts.get(name) for name in wanted.prompts},
            self._there_of(wanted.conversation),
        )

    def _there_of(self, wanted: Conversation | None) -> Conversation | None:
        if wanted is None or self._conversations is None:
            return None
        kept = self._conversations.kept(wanted.org_id, wanted.session)
        return Conversation(wanted.org_id, wanted.session, kept)

    def _wanted(
        self, preset: Preset, to: Place | None
    ) -> tuple[Conversation | None, Mapping[str, str]]:
        """What goes to a conversation, and the system prompts that it needs."""
        if to is None:
            return None, {}
        if not preset.conversation or self._conversations is None:
            raise InvalidInput(
                f"the preset {preset.name!r} holds nothing of a conversation",
                where="session",
                hint="apply it without one, or save it with one first",
            )
        kept, further = self._conversations.fitted(preset.conversation, preset.prompts, preset.name)
        return Conversation(*to, kept), further

    async def _restore(self, conversation: Conversation | None) -> None:
        if conversation is not None and self._conversations is not None:
            restore, (org, session) = self._conversations.restore, _place(conversation)
            await asyncio.to_thread(restore, org, session, conversation.kept)

    def _file_text(self) -> str | None:
        data = read_bytes(self._file.path)
        return None if data is None else data.decode(errors="replace")

    def _current(self, name: str, about: str, of: Place | None) -> Preset:
        document, remembered = self._file.document(), self._chosen.remembered()
        secrets = self._secrets()
        setup = shareable(document, secrets)
        providers = dict(setup.get("providers") or {})
        for each in remembered.added:
            providers.setdefault(each.name, section_of(each))
        if providers:
            setup["providers"] = providers
        conversation: Mapping[str, str] = {}
        if of is not None and self._conversations is not None:
            conversation = self._conversations.kept(*of)
        return Preset(
            name=require_name(name),
            setup=without(setup, secrets),
            prompts=without(dict(self._prompts.texts()), secrets),
            provider=remembered.active,
            model=remembered.model,
            about=without(about, secrets),
            made=self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            conversation=without(dict(conversation), secrets),
        )

    def _secrets(self) -> frozenset[str]:
        known = (*self._file.settings.providers, *self._chosen.remembered().added)
        found = secrets_of(self._file.document(), self._environ, known)
        return found | {each for each in self._more_secrets() if len(each) >= SHORTEST_SECRET}

    def _machine(self) -> tuple[ProviderSettings, ...]:
        """Providers whose keys are here; of two with one name, the file's."""
        return (*self._chosen.remembered().added, *self._file.settings.providers)

    def _keep(self, preset: Preset, replace: bool) -> PresetInfo:
        text = write_preset(preset)
        require_without(text, self._secrets())
        read_preset(text.encode(), preset.name)  # nobody is to find out later that it is of no use
        if preset.conversation and self._conversations is not None:
            self._conversations.require(preset.conversation)
        path = self._path(preset.name)
        if path.exists() and not replace:
            raise Conflict(
                f"there is a preset {preset.name!r} already", hint="choose another name, or replace"
            )
        if not path.exists() and len(self.list()) >= MOST_PRESETS:
            raise Conflict(f"there are {MOST_PRESETS} presets already", hint="remove one")
        write_private(path, text.encode())
        return _info(preset)

    def _path(self, name: str) -> Path:
        return self._folder / f"{require_name(name)}.yaml"

    def _read(self, name: str) -> Preset:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise self._unknown(name) from None
        except OSError as error:
            raise unusable(path, "read", error) from None
        return read_preset(data, path.name, name=name)

    def _info(self, name: str) -> PresetInfo:
        try:
            return _info(self._read(name))
        except ConduitError as error:
            where = f"{error.where}: " if error.where else ""
            return PresetInfo(name[:80], fault=f"{where}{error.message}")

    def _unknown(self, name: str) -> NotFound:
        known = ", ".join(each.name for each in self.list()[:20]) or "none yet"
        return NotFound(f"there is no preset {name!r}", hint=f"there are: {known}")


def _info(preset: Preset) -> PresetInfo:
    providers: Iterable[str] = preset.setup.get("providers") or ()
    return PresetInfo(
        preset.name,
        preset.about,
        preset.made,
        tuple(providers),
        tuple(preset.prompts),
        conversation=tuple(preset.conversation),
    )


def _place(conversation: Conversation) -> Place:
    return conversation.org_id, conversation.session
