"""The set-up as blocks: ``gateway.*`` for ``providers.yaml``, ``presets.*`` for whole set-ups."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from conduit.blocks import Block, Effects, Length, NoOp, block
from conduit.blocks.gate import current_call
from conduit.contracts.errors import Forbidden
from conduit.models.setup.changes import Changes
from conduit.models.setup.preset_file import LONGEST_ABOUT, written
from conduit.models.setup.presets import Applied, Place, PresetInfo, Presets, PresetShown
from conduit.models.setup.reload import FileStatus, ProvidersFile
from conduit.models.setup.settings import LeftOut, TargetLeftOut
from conduit.models.setup.shareable import completed, keys_sent_elsewhere, secrets_of, shareable
from conduit.store.settings_file import MAX_BYTES, parse_settings

MANAGE: Final = "providers.manage"

FileText = Annotated[str, Length(0, MAX_BYTES), "a whole providers.yaml"]
PresetText = Annotated[str, Length(1, MAX_BYTES), "a preset, as presets.export gives it"]
PresetName = Annotated[str, Length(1, 64), "lower-case letters, digits, dashes and underscores"]


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What is in force. ``text`` is its ``providers.yaml`` without the keys, which put it back in
    where it says `api_key: needed` when it is given to `gateway.put` again."""

    status: FileStatus
    text: str
    left_out: tuple[LeftOut, ...]
    targets_left_out: tuple[TargetLeftOut, ...]


@dataclass(frozen=True, slots=True)
class GatewayText:
    """A file to check."""

    text: FileText


@dataclass(frozen=True, slots=True)
class PutGateway:
    """A file to put in force."""

    text: FileText
    instead_of: Annotated[
        str, Length(0, 64), "digest of the file that this was written for; empty: any"
    ] = ""


@dataclass(frozen=True, slots=True)
class GatewayChanges:
    """``text`` says the same for people, a line for each; empty when nothing changes."""

    changes: Changes
    text: str
    status: FileStatus


@dataclass(frozen=True, slots=True)
class SavePreset:
    """A name for the set-up as it is now."""

    name: PresetName
    about: Annotated[str, Length(0, LONGEST_ABOUT), "what it is for"] = ""
    replace: Annotated[bool, "take the place of a preset of that name"] = False
    session: Annotated[
        str,
        Length(0, 200),
        "keep with it how this conversation is answered, its system prompt, its set of Live and "
        "its last groove",
    ] = ""


@dataclass(frozen=True, slots=True)
class NamedPreset:
    """Which preset."""

    name: PresetName


@dataclass(frozen=True, slots=True)
class ApplyPreset:
    """Which preset to put in force."""

    name: PresetName
    trusted: Annotated[
        bool,
        "send keys of this machine to addresses they were not sent to before; "
        "only the person at the machine may say so",
    ] = False
    session: Annotated[
        str, Length(0, 200), "put what it holds of a conversation into this one; empty: nowhere"
    ] = ""


@dataclass(frozen=True, slots=True)
class ExportPreset:
    """Which preset, and how it is to be written."""

    name: PresetName
    format: Literal["yaml", "json"] = "yaml"


@dataclass(frozen=True, slots=True)
class ImportPreset:
    """A preset from elsewhere. It is kept, and not applied."""

    text: PresetText
    name: Annotated[str, Length(0, 64), "its name here; empty: its own"] = ""
    replace: Annotated[bool, "take the place of a preset of that name"] = False


@dataclass(frozen=True, slots=True)
class PresetFile:
    """A preset as a file, without secrets."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class PresetList:
    """Every preset, by name."""

    presets: tuple[PresetInfo, ...]


def gateway_blocks(file: ProvidersFile, environ: Mapping[str, str]) -> tuple[Block[Any, Any], ...]:
    """``gateway.*``."""

    def made(changes: Changes) -> GatewayChanges:
        return GatewayChanges(changes, changes.text(), file.status())

    def filled(text: str) -> str:
        """With the keys of this machine where it has left them out."""
        document = parse_settings(text.encode(errors="replace"), str(file.path)).values
        whole = completed(document, environ, file.settings.providers)
        return text if whole is None else written(whole)

    @block(
        "gateway.config",
        summary="Show the configuration of the gateway that is in force, without keys",
        effects=Effects.READS,
    )
    def config(_: NoOp) -> GatewayConfig:
        document, settings = file.document(), file.settings
        secrets = secrets_of(document, environ, settings.providers)
        text = written(shareable(document, secrets)) if document else ""
        return GatewayConfig(file.status(), text, settings.left_out, settings.targets_left_out)

    @block(
        "gateway.check",
        summary="Say what a configuration would change, or where it is wrong",
        permission=MANAGE,
        effects=Effects.READS,
    )
    def check(data: GatewayText) -> GatewayChanges:
        return made(file.check(filled(data.text)))

    @block(
        "gateway.reload",
        summary="Read providers.yaml now and put it in force",
        permission=MANAGE,
        effects=Effects.READS | Effects.WRITES_STATE,
    )
    async def reload(_: NoOp) -> GatewayChanges:
        return made(await file.reload())

    @block(
        "gateway.put",
        summary="Replace providers.yaml and put it in force",
        permission=MANAGE,
        effects=Effects.WRITES_FILES | Effects.WRITES_STATE,
    )
    async def put(data: PutGateway) -> GatewayChanges:
        text = await asyncio.to_thread(filled, data.text)
        new = await asyncio.to_thread(file.parsed, text)
        elsewhere = keys_sent_elsewhere(new.providers, file.settings.providers)
        if elsewhere and not _at_the_machine():
            raise Forbidden(
                f"keys of this machine would be sent to new addresses: {', '.join(elsewhere)}",
                where="gateway.put",
                hint="put the key itself into api_key, or edit providers.yaml at the machine",
            )
        return made(await file.put(text, instead_of=data.instead_of or None))

    return config, check, reload, put


def preset_blocks(presets: Presets) -> tuple[Block[Any, Any], ...]:
    """``presets.*``."""
    return (*_kept(presets), *_exchanged(presets))


def _kept(presets: Presets) -> tuple[Block[Any, Any], ...]:
    @block(
        "presets.save",
        summary="Save the whole set-up as a preset, without secrets",
        permission=MANAGE,
        effects=Effects.READS | Effects.WRITES_FILES,
    )
    def save(data: SavePreset) -> PresetInfo:
        of = _place(data.session)
        return presets.save(data.name, about=data.about, replace=data.replace, of=of)

    @block("presets.list", summary="List the presets", effects=Effects.READS)
    def listed(_: NoOp) -> PresetList:
        return PresetList(presets.list())

    @block(
        "presets.show",
        summary="Show a preset, what it would change, and the keys that it needs",
        permission=MANAGE,
        effects=Effects.READS,
    )
    def show(data: NamedPreset) -> PresetShown:
        return presets.show(data.name)

    @block(
        "presets.remove",
        summary="Delete a preset",
        permission=MANAGE,
        effects=Effects.WRITES_FILES,
    )
    def remove(data: NamedPreset) -> PresetList:
        presets.remove(data.name)
        return PresetList(presets.list())

    return save, listed, show, remove


def _exchanged(presets: Presets) -> tuple[Block[Any, Any], ...]:
    writes = Effects.READS | Effects.WRITES_FILES | Effects.WRITES_STATE

    @block(
        "presets.apply",
        summary="Put a preset in force: providers, routing, caches and system prompts",
        permission=MANAGE,
        effects=writes,
    )
    async def apply(data: ApplyPreset) -> Applied:
        if data.trusted and not _at_the_machine():
            raise Forbidden(
                "only the person at the machine may trust new addresses with its keys",
                where="presets.apply",
                hint="`conduit presets apply NAME --trusted` at the machine",
            )
        return await presets.apply(data.name, trusted=data.trusted, to=_place(data.session))

    @block(
        "presets.undo",
        summary="Go back to the set-up before the last preset was applied",
        permission=MANAGE,
        effects=writes,
    )
    async def undo(_: NoOp) -> Applied:
        return await presets.undo()

    @block(
        "presets.export",
        summary="Write a preset as a file to share, without secrets",
        permission=MANAGE,
        effects=Effects.READS,
    )
    def export(data: ExportPreset) -> PresetFile:
        return PresetFile(data.name, presets.export(data.name, format=data.format))

    @block(
        "presets.import",
        summary="Keep a preset that comes from elsewhere, without applying it",
        permission=MANAGE,
        effects=Effects.WRITES_FILES,
    )
    def take(data: ImportPreset) -> PresetInfo:
        return presets.take(data.text, name=data.name, replace=data.replace)

    return apply, undo, export, take


def _place(session: str) -> Place | None:
    return (current_call().principal.org_id, session) if session else None


def _at_the_machine() -> bool:
    """The person there could read the keys anyway; whoever calls from elsewhere could not."""
    return "**" in current_call().principal.permissions
