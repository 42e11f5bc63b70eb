"""``gateway.*`` and ``presets.*`` through the gate: what the owner may, and what others may not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from conduit.blocks import Catalog, Gate, dumps
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import ConfigError, Conflict, Forbidden
from conduit.models.memory import Remembered
from conduit.models.setup.blocks import gateway_blocks, preset_blocks
from conduit.models.setup.presets import Presets
from conduit.models.setup.reload import ProvidersFile

REMOTE = Principal("local", permissions=frozenset({"*"}))
READER = Principal("local", permissions=frozenset({"gateway.config", "presets.list"}))
FILE = """\
# my own words
providers:
  box: {type: openai_compatible, base_url: "http://10.0.0.1:9/v1", model: m, api_key: sk-box-key-1}
  mine: {type: openai_compatible, base_url: "http://10.0.0.2/v1", model: m, api_key_env: MINE}
  away: {type: groq}
groups: {fast: {targets: [box, away]}}
"""
ENVIRON = {"MINE": "sk-mine-secret", "OTHER": "sk-other-secret"}


class NoPrompts:
    """An operator without system prompts."""

    def texts(self) -> Mapping[str, str]:
        return {}

    def put(self, texts: Mapping[str, str | None]) -> None:
        assert not texts


class NothingChosen:
    """Nobody was added, nobody was chosen."""

    def remembered(self) -> Remembered:
        return Remembered()

    async def restore(self, remembered: Remembered) -> None:
        await asyncio.sleep(0)


class Written:
    """The file that the blocks are about."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def text(self) -> str:
        return self.path.read_text()

    def becomes(self, text: str) -> None:
        self.path.write_text(text)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    file = Written(tmp_path / "providers.yaml")
    file.becomes(FILE)
    return file


@pytest.fixture
def gate(written: Written) -> Gate:
    path = written.path
    file = ProvidersFile(path, ENVIRON)
    file.load()
    presets = Presets(path.parent, file, ENVIRON, prompts=NoPrompts(), chosen=NothingChosen())
    blocks = (*gateway_blocks(file, ENVIRON), *preset_blocks(presets))
    return Gate(Catalog(blocks), new_id=lambda: "id")


async def test_the_configuration_is_shown_without_keys(gate: Gate) -> None:
    found = await gate.acall("gateway.config", {}, READER)
    text = dumps(found).decode()
    assert "sk-" not in text
    assert "api_key: needed" in found.text
    assert "api_key_env: MINE" in found.text
    assert [each.name for each in found.left_out] == ["away"]
    assert [each.target for each in found.targets_left_out] == ["away"]
    assert orjson.loads(text)["status"]["fault"] is None


async def test_what_was_shown_can_be_put_back_with_its_keys(gate: Gate, written: Written) -> None:
    found = await gate.acall("gateway.config", {}, REMOTE)
    changed = found.text.replace("  fast:", "  faster:")
    put = {"text": changed, "instead_of": found.status.digest}
    done = await gate.acall("gateway.put", put, REMOTE)
    assert done.text == "+ group faster\n- group fast"
    assert "sk-box-key-1" in written.text
    assert "sk-" not in dumps(done).decode()
    with pytest.raises(Conflict):
        await gate.acall("gateway.put", put, REMOTE)


async def test_a_text_that_needs_no_keys_is_kept_as_it_is(gate: Gate, written: Written) -> None:
    text = FILE.replace("fast", "slow")
    await gate.acall("gateway.put", {"text": text}, REMOTE)
    assert written.text == text


async def test_a_kept_key_does_not_go_to_another_address(gate: Gate, written: Written) -> None:
    found = await gate.acall("gateway.config", {}, REMOTE)
    changed = found.text.replace("http://10.0.0.1:9/v1", "https://evil.example/v1")
    with pytest.raises(ConfigError, match="its key is needed"):
        await gate.acall("gateway.put", {"text": changed}, REMOTE)
    assert written.text == FILE


@pytest.mark.parametrize("variable", ["MINE", "OTHER"])
async def test_a_variable_goes_to_a_new_address_only_from_the_machine(
    gate: Gate, written: Written, variable: str
) -> None:
    text = (
        "providers: {x: {type: openai_compatible, model: m, "
        f'base_url: "https://evil.example/v1", api_key_env: {variable}}}}}'
    )
    with pytest.raises(Forbidden, match="new addresses: x"):
        await gate.acall("gateway.put", {"text": text}, REMOTE)
    assert written.text == FILE
    assert await gate.acall("gateway.put", {"text": text}, LOCAL_OWNER)


async def test_check_says_what_would_change_or_is_wrong(gate: Gate, written: Written) -> None:
    text = FILE + "aliases: {gpt-4: fast}\n"
    assert (await gate.acall("gateway.check", {"text": text}, REMOTE)).text == "+ alias gpt-4"
    with pytest.raises(ConfigError) as caught:
        await gate.acall("gateway.check", {"text": FILE + "aliases: {gpt-4: fsat}\n"}, REMOTE)
    assert f"{written.path}:7:11: aliases.gpt-4" in str(caught.value)
    for odd in ("providers: {a: 5}", "providers: {a: {api_key: needed, base_url: 5}}", "- 1", ""):
        try:
            await gate.acall("gateway.check", {"text": odd}, REMOTE)
        except ConfigError:
            continue
    assert written.text == FILE


async def test_reload_takes_what_is_there(gate: Gate, written: Written) -> None:
    written.becomes(FILE + "aliases: {gpt-4: fast}\n")
    assert (await gate.acall("gateway.reload", {}, REMOTE)).text == "+ alias gpt-4"
    written.becomes("nonsense: 1")
    with pytest.raises(ConfigError, match="no such field"):
        await gate.acall("gateway.reload", {}, REMOTE)
    status = (await gate.acall("gateway.config", {}, REMOTE)).status
    assert "no such field" in status.fault.message


async def test_presets_are_saved_shared_and_applied(gate: Gate, written: Written) -> None:
    async def call(block: str, **data: object) -> object:
        return await gate.acall(block, data, REMOTE)

    await call("presets.save", name="one", about="here")
    exported = await gate.acall("presets.export", {"name": "one", "format": "json"}, REMOTE)
    assert "sk-" not in exported.text
    await call("presets.import", text=exported.text, name="two")
    await gate.acall("gateway.put", {"text": FILE.replace("fast", "slow")}, REMOTE)
    shown = await gate.acall("presets.show", {"name": "two"}, REMOTE)
    assert shown.changes.text() == "+ group fast\n- group slow"
    assert [each.provider for each in shown.needed] == ["away"]
    applied = await gate.acall("presets.apply", {"name": "two"}, REMOTE)
    assert applied.changes.names("group", "added") == ("fast",)
    assert "sk-box-key-1" in written.text
    undone = await gate.acall("presets.undo", {}, REMOTE)
    assert undone.changes.names("group", "added") == ("slow",)
    listed = await gate.acall("presets.remove", {"name": "one"}, REMOTE)
    assert [each.name for each in listed.presets] == ["two"]


async def test_only_the_person_at_the_machine_trusts(gate: Gate) -> None:
    await gate.acall("presets.save", {"name": "one"}, REMOTE)
    with pytest.raises(Forbidden, match="only the person at the machine"):
        await gate.acall("presets.apply", {"name": "one", "trusted": True}, REMOTE)
    assert await gate.acall("presets.apply", {"name": "one", "trusted": True}, LOCAL_OWNER)


@pytest.mark.parametrize(
    ("block", "data"),
    [
        ("gateway.check", {"text": ""}),
        ("gateway.reload", {}),
        ("gateway.put", {"text": ""}),
        ("presets.save", {"name": "a"}),
        ("presets.show", {"name": "a"}),
        ("presets.apply", {"name": "a"}),
        ("presets.undo", {}),
        ("presets.remove", {"name": "a"}),
        ("presets.export", {"name": "a"}),
        ("presets.import", {"text": "x"}),
    ],
)
async def test_who_may_not_manage_providers_may_not(
    gate: Gate, block: str, data: dict[str, str]
) -> None:
    with pytest.raises(Forbidden, match=r"providers\.manage"):
        await gate.acall(block, data, READER)
