"""Presets: the set-up comes back whole, and no secret leaves with it."""

from __future__ import annotations

import asyncio
import base64
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    StoreError,
)
from conduit.models.memory import Remembered
from conduit.models.secret import Secret
from conduit.models.settings import configure
from conduit.models.setup.preset_file import Format, Preset, read_preset, write_preset
from conduit.models.setup.presets import Presets
from conduit.models.setup.reload import ProvidersFile
from conduit.models.setup.shareable import Needed
from tests.models.setup.kept import KeptOfConversations, PromptTexts

FILE = """
providers:
  claude: {type: anthropic, model: claude-sonnet-4-5}
  box: {type: openai_compatible, base_url: "http://10.0.0.1:9/v1", model: m, api_key: sk-box-key-1}
groups: {fast: {targets: [box, claude], retry: {attempts: 2}}}
aliases: {gpt-4: fast}
cache: {exact: {ttl_s: 60}, backend: redis, url_env: MY_REDIS}
"""
ENVIRON = {"ANTHROPIC_API_KEY": "sk-ant-secret", "MY_REDIS": "redis://u:redis-pass@r/0"}
SECRETS = ("sk-ant-secret", "sk-box-key-1", "redis-pass", "sk-added-key")


class ChosenProviders:
    """What was added while running."""

    def __init__(self) -> None:
        key = Secret("sk-added-key")
        url = "http://10.0.0.2:9/v1"
        added = configure(
            "added", "openai_compatible", source="added", base_url=url, model="n", key=key
        )
        self.now = Remembered((added,), "claude", "claude-opus-4-1")
        self.fails = False

    def remembered(self) -> Remembered:
        return self.now

    async def restore(self, remembered: Remembered) -> None:
        await asyncio.sleep(0)
        if self.fails and not remembered.added:
            raise StoreError("the disk is full")
        self.now = remembered


class Machine:
    """One ``CONDUIT_HOME`` with everything that a preset is taken from."""

    def __init__(
        self, home: Path, text: str = FILE, environ: Mapping[str, str] | None = None
    ) -> None:
        home.mkdir(exist_ok=True)
        self.home = home
        self.path = home / "providers.yaml"
        self.path.write_text(text)
        self.environ = ENVIRON if environ is None else environ
        self.file = ProvidersFile(self.path, self.environ)
        self.file.load()
        self.prompts = PromptTexts(default="Answer in verse.\nAlways.\n")
        self.chosen = ChosenProviders()
        self.conversations = KeptOfConversations()
        self.presets = Presets(
            home,
            self.file,
            self.environ,
            prompts=self.prompts,
            chosen=self.chosen,
            conversations=lambda: self.conversations,
            now=lambda: datetime(2026, 1, 31, 12, tzinfo=UTC),
        )

    def providers(self) -> dict[str, str]:
        return {each.name: each.key.reveal() for each in self.file.settings.providers}


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "here")


def test_a_preset_holds_the_whole_set_up_without_secrets(here: Machine) -> None:
    info = here.presets.save("studio", about="all of it")
    assert (info.name, info.providers) == ("studio", ("claude", "box", "added"))
    text = here.presets.export("studio")
    assert not any(secret in text for secret in SECRETS)
    document = yaml.safe_load(text)
    assert document["setup"]["providers"]["box"]["api_key"] == "needed"
    assert document["setup"]["providers"]["added"]["base_url"] == "http://10.0.0.2:9/v1"
    assert document["setup"]["cache"]["url_env"] == "MY_REDIS"
    assert document["prompts"] == {"default": "Answer in verse.\nAlways.\n"}
    assert document["active"] == {"provider": "claude", "model": "claude-opus-4-1"}
    assert document["made"] == "2026-01-31T12:00:00Z"
    kept = here.home / "presets" / "studio.yaml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


async def test_what_was_saved_comes_back_with_the_keys_of_this_machine(here: Machine) -> None:
    here.presets.save("studio")
    await here.file.put("providers: {other: {type: ollama, model: x}}")
    applied = await here.presets.apply("studio")
    assert applied.needed == (Needed("box", ""),)
    assert here.providers() == {"claude": "sk-ant-secret", "added": "sk-added-key"}
    assert here.chosen.now == Remembered((), "claude", "claude-opus-4-1")
    assert here.prompts.kept["default"] == "Answer in verse.\nAlways.\n"


async def test_undo_brings_back_everything_keys_too_and_forth_again(here: Machine) -> None:
    here.presets.take(
        "conduit: preset\nversion: 1\nname: other\n"
        "setup: {providers: {x: {type: ollama, model: m}}}\n"
        "prompts: {default: Hm., fresh: New.}\n"
    )
    there = here.chosen.now
    applied = await here.presets.apply("other")
    assert applied.changes.names("provider", "removed") == ("claude", "box")
    assert here.prompts.kept == {"default": "Hm.", "fresh": "New."}
    assert here.providers() == {"x": ""}
    await here.presets.undo()
    assert here.path.read_text() == FILE
    assert here.providers() == {"claude": "sk-ant-secret", "box": "sk-box-key-1"}
    assert here.prompts.kept == {"default": "Answer in verse.\nAlways.\n"}
    (added,) = here.chosen.now.added
    assert (added.name, added.key.reveal()) == ("added", "sk-added-key")
    assert (here.chosen.now.active, here.chosen.now.model) == (there.active, there.model)
    await here.presets.undo()
    assert here.providers() == {"x": ""}
    before = here.home / "presets" / ".before.json"
    assert stat.S_IMODE(before.stat().st_mode) == 0o600
    assert [each.name for each in here.presets.list()] == ["other"]


@pytest.mark.parametrize("what", ["prompts", "file", "chosen", "conversation"])
async def test_it_happens_altogether_or_not_at_all(here: Machine, what: str) -> None:
    here.presets.take(
        "conduit: preset\nversion: 1\nname: other\n"
        "setup: {providers: {x: {type: ollama, model: m}}}\nprompts: {default: Hm.}\n"
        "conversation: {live: theirs}\n"
    )
    there = here.chosen.now

    async def refuse(*_: object) -> None:
        if here.file.path.read_text() != FILE:
            raise StoreError("the disk is full")

    if what == "prompts":
        here.prompts.fails = True
    elif what == "file":
        here.file.start(refuse)
    elif what == "chosen":
        here.chosen.fails = True
    else:
        here.conversations.fails = True
    with pytest.raises(StoreError, match="the disk is full"):
        await here.presets.apply("other", to=("org", "one"))
    await here.file.aclose()
    assert here.providers() == {"claude": "sk-ant-secret", "box": "sk-box-key-1"}
    assert here.path.read_text() == FILE
    assert here.prompts.kept == {"default": "Answer in verse.\nAlways.\n"}
    assert here.chosen.now == there
    assert not here.conversations.kept("org", "one")


async def test_another_machine_is_told_what_it_needs(here: Machine, tmp_path: Path) -> None:
    here.presets.save("studio")
    text = here.presets.export("studio", format="json")
    other = Machine(tmp_path / "other", "", {"MY_REDIS": "redis://r"})
    other.chosen.now = Remembered()
    other.presets.take(text, name="mine")
    with pytest.raises(ConfigError, match="nobody is left to ask"):
        await other.presets.apply("mine")
    able = Machine(tmp_path / "able", "", {**ENVIRON, "ANTHROPIC_API_KEY": "sk-other-machine"})
    able.chosen.now = Remembered()
    able.presets.take(text)
    found = able.presets.show("studio")
    assert found.needed == (Needed("box"), Needed("added"))
    assert found.changes.names("provider", "added") == ("claude",)
    assert able.file.settings.providers == ()
    assert (await able.presets.apply("studio")).needed == found.needed
    assert able.providers() == {"claude": "sk-other-machine"}
    assert {each.name for each in able.file.settings.left_out} == {"box", "added"}


UNICODE = st.text(
    st.characters(codec="utf-8") | st.sampled_from("\n \r\t\x7f\x85\u2028\ufeff#:'\""), max_size=30
)

HOSTILE = """
conduit: preset
version: 1
name: free-models
setup:
  providers:
    {name}: {{type: {type}, base_url: "https://evil.example/v1", model: m{key}}}
"""


@pytest.mark.parametrize(
    ("name", "type", "key"),
    [
        ("claude", "anthropic", ""),
        ("x", "openai_compatible", ", api_key_env: AWS_SECRET_ACCESS_KEY"),
        ("x", "openai_compatible", ", api_key_env: ANTHROPIC_API_KEY"),
    ],
)
async def test_no_variable_goes_to_a_new_address_unless_it_is_trusted(
    tmp_path: Path, name: str, type: str, key: str
) -> None:
    environ = {**ENVIRON, "AWS_SECRET_ACCESS_KEY": "aws-secret-key"}
    here = Machine(tmp_path / "here", FILE, environ)
    here.presets.take(HOSTILE.format(name=name, type=type, key=key))
    assert here.presets.show("free-models").sent_elsewhere == (name,)
    with pytest.raises(Forbidden, match=f"new addresses: {name}"):
        await here.presets.apply("free-models")
    assert here.path.read_text() == FILE
    await here.presets.apply("free-models", trusted=True)
    assert here.file.settings.providers[0].base_url == "https://evil.example/v1"


async def test_a_key_does_not_follow_a_name_to_another_address(here: Machine) -> None:
    here.presets.take(HOSTILE.format(name="box", type="openai_compatible", key=", api_key: needed"))
    applied = await here.presets.apply("free-models")
    assert applied.needed == (Needed("box"),)
    assert "sk-box-key-1" not in here.path.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a preset"),
        ("[1]", "expected a mapping"),
        ("conduit: preset\nversion: 2\nname: a", "not 1"),
        ("conduit: preset\nversion: 1\nname: ../../etc/x", "cannot be the name"),
        ("conduit: preset\nversion: 1\nname: UP", "cannot be the name"),
        ("conduit: preset\nversion: 1\nname: a\nrun: rm", "no such field"),
        ("conduit: preset\nversion: 1\nname: a\nsetup: {providers: {x: {type: y}}}", "no provider"),
        ("conduit: preset\nversion: 1\nname: a\nsetup: {proviers: {}}", "did you mean providers"),
        (
            "conduit: preset\nversion: 1\nname: a\n"
            "setup: {providers: {x: {type: openai, api_key: sk-1}}}",
            "holds no key",
        ),
        ("conduit: preset\nversion: 1\nname: a\nprompts: {../x: y}", "cannot be a system prompt"),
        ("conduit: preset\nversion: 1\nname: a\nprompts: {x: 5}", "expected text"),
        ('conduit: preset\nversion: 1\nname: a\nprompts: {x: "\\ud800"}', "Unicode"),
        ("conduit: preset\nversion: 1\nname: a\nabout: [&a [], *a]", "alias"),
        ("conduit: preset\nversion: 1\nname: a\nabout: " + "[" * 50, "nests more"),
        ("conduit: preset\nname: " + "x" * 300_000, "exceeds 262144"),
        ("conduit: preset\nversion: 1\nname: a\nprompts: {x: " + "y" * 70_000 + "}", "exceeds"),
        ("a: !!python/object/apply:os.system [x]", "not YAML"),
    ],
)
def test_a_hostile_file_is_refused_and_not_kept(here: Machine, text: str, words: str) -> None:
    with pytest.raises(ConduitError) as caught:
        here.presets.take(text)
    assert words in str(caught.value)
    assert here.presets.list() == ()


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_at_all_brings_another_error(here: Machine, text: str) -> None:
    for begun in ("", "conduit: preset\nversion: 1\nname: a\n"):
        with pytest.raises(ConduitError):
            here.presets.take(f"{begun}zz{text}")


def test_names_are_kept_apart_and_checked(here: Machine) -> None:
    here.presets.save("one", about="first")
    with pytest.raises(Conflict):
        here.presets.save("one")
    here.presets.save("one", about="second", replace=True)
    assert [each.about for each in here.presets.list()] == ["second"]
    for name in ("", "../x", ".before", "a/b", "A", "x" * 65, "a.b"):
        with pytest.raises(InvalidInput):
            here.presets.save(name)
        with pytest.raises(InvalidInput):
            here.presets.remove(name)
    here.presets.remove("one")
    with pytest.raises(NotFound, match="there is no preset 'one'"):
        here.presets.show("one")


async def test_there_may_be_nothing_to_undo_or_only_rubbish(here: Machine) -> None:
    with pytest.raises(NotFound):
        await here.presets.undo()
    before = here.home / "presets" / ".before.json"
    before.parent.mkdir()
    for rubbish in ("", "[]", "{}", '{"file": null, "remembered": "x", "prompts": {}}'):
        before.write_text(rubbish)
        with pytest.raises(ConfigError, match="damaged"):
            await here.presets.undo()


def test_a_file_that_somebody_has_damaged_is_listed_with_its_fault(here: Machine) -> None:
    here.presets.save("good")
    (here.home / "presets" / "bad.yaml").write_text("{")
    bad, good = here.presets.list()
    assert (bad.name, good.fault) == ("bad", "")
    assert "not YAML" in bad.fault


def test_a_key_in_a_prompt_is_masked_however_it_is_written(here: Machine) -> None:
    key = "sk-box-key-1"
    here.prompts.kept = {
        "plain": f"use {key} please",
        "basic": base64.b64encode(f"user:{key}:x".encode()).decode(),
        "hex": key.encode().hex(),
    }
    here.presets.save("studio", about=f"with {key}")
    text = here.presets.export("studio")
    assert key not in text
    assert base64.b64encode(f"user:{key}:x".encode()).decode() not in text
    assert key.encode().hex() not in text


def test_a_key_that_is_somewhere_else_of_the_file_keeps_it_here(here: Machine) -> None:
    """A number that is a key cannot be masked: then there is no preset."""
    number = Machine(
        here.home / "number",
        FILE.replace("sk-box-key-1", "'86399999'") + "models: {m: {context: 86399999}}\n",
    )
    with pytest.raises(ConfigError, match="would hold a key") as caught:
        number.presets.save("studio")
    assert "86399999" not in str(caught.value)


@given(
    prompts=st.dictionaries(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,9}", fullmatch=True), UNICODE
    ),
    about=UNICODE,
    format=st.sampled_from(["yaml", "json"]),
)
def test_a_file_is_read_as_it_was_written(
    prompts: dict[str, str], about: str, format: Format
) -> None:
    preset = Preset("p", {"aliases": {"a": "auto"}}, prompts, "x", "y", about)
    assert read_preset(write_preset(preset, format).encode(), "p") == preset


KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    keys=st.tuples(KEYS, KEYS, KEYS),
    words=st.text(st.characters(codec="utf-8"), max_size=20),
    before=st.binary(max_size=4),
    after=st.binary(max_size=4),
    format=st.sampled_from(["yaml", "json"]),
)
def test_no_secret_is_in_any_byte_of_an_export(
    tmp_path: Path,
    keys: tuple[str, str, str],
    words: str,
    before: bytes,
    after: bytes,
    format: Format,
) -> None:
    literal, from_environ, added = (f"Zq7{key}" for key in keys)
    text = yaml.safe_dump(
        {
            "providers": {
                "lit": {
                    "type": "openai_compatible",
                    "base_url": "http://h/v1",
                    "model": "m",
                    "api_key": literal,
                },
                "env": {
                    "type": "openai_compatible",
                    "base_url": f"http://h/{quote(from_environ, safe='')}",
                    "model": f"m-{added}",
                    "api_key_env": "MINE",
                },
            }
        }
    )
    here = Machine(tmp_path / "home", text, {"MINE": from_environ})
    here.chosen.now = Remembered(
        (
            configure(
                "added",
                "openai_compatible",
                source="added",
                base_url="http://h/v1",
                model="m",
                key=Secret(added),
            ),
        )
    )
    wrapped = base64.b64encode(before + literal.encode() + after).decode()
    here.prompts.kept = {
        "one": f"{words}{literal}{words}\n{quote(added, safe='')}{words}",
        "two": f"{wrapped}\n{base64.urlsafe_b64encode(from_environ.encode()).decode()}",
    }
    here.presets.save("p", about=from_environ[:200], replace=True)
    exported = here.presets.export("p", format=format)
    meant = yaml.safe_load(exported)
    everything = exported + repr(meant) + "".join(meant["prompts"].values())
    for secret in (literal, from_environ, added):
        raw = secret.encode()
        for form in (secret, quote(secret, safe=""), raw.hex()):
            assert form not in everything
        for start in range(3):
            encoded = base64.b64encode(b"\0" * start + raw).decode()
            core = encoded[4 if start else 0 : 8 * (start + len(raw)) // 6]
            assert core not in everything
            assert core.replace("+", "-").replace("/", "_") not in everything
