"""``providers.yaml``: what it means, and what it says when it is wrong."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import ConfigError
from conduit.models.setup.file import LeftOut, load_providers, parse_providers
from conduit.models.setup.settings import GatewaySettings

KEYS = {"ANTHROPIC_API_KEY": "sk-ant", "OPENAI_API_KEY": "sk-oai", "MINE": "sk-mine"}
EXAMPLE = Path(__file__).parents[3] / "configs" / "providers.example.yaml"

SOURCE = """
providers:
  claude:
    type: online
    base_url: https://api.anthropic.com/v1
    api_key_env: ANTHROPIC_API_KEY
    models:
      - claude-sonnet-4-20250514
      - claude-3-5-sonnet-20241022
  perplexity:
    type: online
    base_url: https://api.perplexity.ai
    api_key_env: PERPLEXITY_API_KEY
    models: [sonar, sonar-pro]
  ollama:
    type: online
    base_url: http://localhost:11434/v1
    api_key_env: null
    default_model: mistral
    models: [llama3.2, mistral]
"""


def parse(text: str) -> GatewaySettings:
    return parse_providers(text.encode(), KEYS)


def one(fields: str) -> GatewaySettings:
    return parse(f"providers:\n  mine: {{{fields}}}\n")


def test_the_form_of_the_first_design_is_understood() -> None:
    found = parse(SOURCE)
    claude, ollama = found.providers
    assert (claude.type, claude.model) == ("anthropic", "claude-sonnet-4-20250514")
    assert claude.models == ("claude-sonnet-4-20250514", "claude-3-5-sonnet-20241022")
    assert (claude.key.reveal(), claude.key_env) == ("sk-ant", "ANTHROPIC_API_KEY")
    assert (ollama.type, ollama.model, bool(ollama.key)) == ("openai_compatible", "mistral", False)
    assert ollama.base_url == "http://localhost:11434/v1"
    reason = "the environment variable PERPLEXITY_API_KEY is not set"
    assert found.left_out == (LeftOut("perplexity", reason),)


def test_what_is_usual_for_a_type_need_not_be_said() -> None:
    (openai,) = one("type: openai, timeout_s: 5, priority: 7").providers
    assert (openai.base_url, openai.model) == ("https://api.openai.com/v1", "gpt-4o")
    assert (openai.key.reveal(), openai.timeout_s, openai.priority) == ("sk-oai", 5, 7)
    assert "sk-oai" not in repr(openai)


def test_a_key_may_stand_in_the_file() -> None:
    (mine,) = one("type: openai, api_key: sk-here").providers
    assert (mine.key.reveal(), mine.key_env) == ("sk-here", "")


@pytest.mark.parametrize(
    ("fields", "where", "words"),
    [
        ("type: openai, base_ur: x", "providers.mine.base_ur", "did you mean base_url?"),
        ("type: openai, zzz: 1", "providers.mine.zzz", "known are: type"),
        ("type: telepathy", "providers.mine.type", "no provider type 'telepathy'"),
        ("base_url: 'http://x'", "providers.mine.type", "no provider type ''"),
        ("type: 5", "providers.mine.type", "expected text"),
        ("type: openai, base_url: 'ftp://x'", "providers.mine.base_url", "http or https"),
        ("type: openai, model: ''", "", ""),
        ("type: openai_compatible, base_url: 'http://x'", "providers.mine.model", "no model"),
        ("type: openai, models: gpt", "providers.mine.models", "expected a list"),
        ("type: openai, models: [1]", "providers.mine.models", "expected a list"),
        ("type: openai, timeout_s: true", "providers.mine.timeout_s", "expected a number"),
        ("type: openai, timeout_s: 0", "providers.mine.timeout_s", "from 0.1 to 3600"),
        ("type: openai, timeout_s: .nan", "providers.mine.timeout_s", "expected a number"),
        ("type: openai, api_key: a, api_key_env: B", "providers.mine.api_key", "keep one"),
        ("type: openai, api_key_env: 'sk-1/2'", "providers.mine.api_key_env", "not the name"),
        ("type: openai, api_key: 'a b'", "providers.mine.api_key", "printable ASCII"),
    ],
)
def test_a_fault_is_named_with_its_path(fields: str, where: str, words: str) -> None:
    if not where:
        assert one(fields).providers[0].model == "gpt-4o"
        return
    with pytest.raises(ConfigError) as caught:
        one(fields)
    place, _, path = caught.value.where.partition(": ")
    assert path == where
    assert re.fullmatch(r"providers\.yaml:2:\d+", place)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("providers: [1, 2]", "expected a mapping"),
        ("- 1", "expected a mapping"),
        ("provider: {}", "did you mean providers?"),
        (
            "providers: {a: {type: ollama, model: m}, a: {type: ollama, model: n}}",
            "'a' occurs twice",
        ),
        ("providers: {1: {}}", "expected a mapping with names"),
        ("providers: {a: {type: &x ollama, model: *x}}", "alias"),
        ("[" * 5000, "nests more than 8 levels"),
        ("providers: {a", "not YAML in line"),
        ("a: [" + "[]," * 80_000 + "]", "more than 50000 values"),
        ("providers: !!python/object/apply:os.system ['true']", "not YAML"),
        ("a: \x00", "not YAML"),
        ("# " + "x" * 300_000, "exceeds 262144 bytes"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert caught.value.where.startswith("providers.yaml")


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(ConfigError, match="UTF-8"):
        parse_providers(b"providers: \xff", {})


@given(st.text(max_size=200))
def test_no_text_at_all_brings_another_error(text: str) -> None:
    with suppress(ConfigError):
        parse_providers(text.encode(errors="surrogatepass"), {})


def test_no_file_and_an_empty_file_configure_nothing(tmp_path: Path) -> None:
    assert load_providers(tmp_path / "providers.yaml", {}) == GatewaySettings()
    (tmp_path / "providers.yaml").write_text("# nothing yet\n")
    assert load_providers(tmp_path / "providers.yaml", {}) == GatewaySettings()
    with pytest.raises(ConfigError, match="could not be read"):
        load_providers(tmp_path, {})


def test_the_example_is_valid() -> None:
    found = load_providers(EXAMPLE, KEYS)
    assert {"claude", "local-llama"} <= {settings.name for settings in found.providers}
    assert {left.name for left in found.left_out} == {"perplexity"}
    assert found.aliases == {"gpt-4": "careful"}
    assert len(found.groups["careful"].targets) == 3
    assert not found.cache.on


def test_the_example_is_valid_on_a_machine_without_keys() -> None:
    found = load_providers(EXAMPLE, {})
    assert [target.provider for target in found.groups["careful"].targets] == ["local-llama"]
