"""Where models are looked for: code, environment, providers; what is said when nobody has one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

from conduit.blocks import Length, Range
from conduit.conduit_types import ComputeProvider, LmLiteModelConfig
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    InvalidInput,
    ProviderRefused,
    Unavailable,
)
from conduit.runtime import LMLiteBlock
from tests.fakes.upstream import FakeUpstream

HELLO = [{"role": "user", "content": "hello"}]
MODEL = "Qwen/Qwen3-4B-Instruct-2507-FP8"
KEY = "sk-very-secret-0123456789"


def block(model: str = MODEL, **given: str) -> LMLiteBlock:
    return LMLiteBlock([LmLiteModelConfig(model)], ComputeProvider.LOCAL, **given)


def test_code_goes_before_the_environment(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDUIT_LM_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("CONDUIT_LM_API_KEY", "not-this-one")
    lm = block(base_url=f"{upstream.url}/v1", api_key=KEY)
    assert lm(model_id=MODEL, messages=HELLO) == "You said: hello"
    (request,) = upstream.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == MODEL


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("", MODEL),
        ("served", "served"),
        (f"other=a, {MODEL}=b", "b"),
        ("other=a", MODEL),
        (f"{MODEL}=", MODEL),
    ],
)
def test_the_environment_says_where_and_under_which_name(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch, given: str, sent: str
) -> None:
    monkeypatch.setenv("CONDUIT_LM_BASE_URL", f"{upstream.url}/v1/")
    monkeypatch.setenv("CONDUIT_LM_API_KEY", KEY)
    monkeypatch.setenv("CONDUIT_LM_MODEL", given)
    block()(model_id=MODEL, messages=HELLO)
    (request,) = upstream.requests
    assert (request.path, request.body["model"]) == ("/v1/chat/completions", sent)
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("type", ["openai_compatible", "ollama", "anthropic"])
def test_a_configured_provider_that_offers_the_model(
    upstream: FakeUpstream,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    type: str,
) -> None:
    upstream.models = ("fake-1", MODEL)
    base = upstream.url if type == "ollama" else f"{upstream.url}/v1"
    (tmp_path / "providers.yaml").write_text(
        "providers:\n"
        f"  other: {{type: openai_compatible, base_url: 'http://127.0.0.1:1/v1', model: m}}\n"
        f"  here: {{type: {type}, base_url: '{base}', models: [first, '{MODEL}'], api_key: k}}\n"
    )
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path))
    lm = block()
    assert lm(model_id=MODEL, messages=HELLO) == "You said: hello"
    assert upstream.requests[-1].body["model"] == MODEL
    health = lm.health()
    assert health.ready
    assert [(one.provider, one.base_url) for one in health.models] == [("here", base)]


def test_nobody_has_the_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(
        "providers: {other: {type: vllm, base_url: 'http://127.0.0.1:1/v1', model: m}}"
    )
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path))
    lm = block()
    with pytest.raises(Unavailable, match="nobody here serves the model") as caught:
        lm(model_id=MODEL, messages=HELLO)
    assert "CONDUIT_LM_BASE_URL" in caught.value.hint
    assert "other" in caught.value.hint
    assert lm.ready is False
    assert "CONDUIT_LM_BASE_URL" in lm.health().models[0].reason


def test_compute_that_nobody_has_set_up(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm = LMLiteBlock([LmLiteModelConfig(MODEL)], compute_provider=ComputeProvider.RUNPOD)
    with pytest.raises(Unavailable, match="no endpoint on RUNPOD is known") as caught:
        lm(model_id=MODEL, messages=HELLO)
    assert "CONDUIT_LM_BASE_URL" in caught.value.hint
    monkeypatch.setenv("CONDUIT_LM_BASE_URL", f"{upstream.url}/v1")
    assert lm(model_id=MODEL, messages=HELLO) == "You said: hello"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://host", "not an address over http"),
        ("http://user:pw@host/v1", "it holds a user or password"),
        ("nonsense", "not an address"),
    ],
)
def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch, url: str, says: str) -> None:
    monkeypatch.setenv("CONDUIT_LM_BASE_URL", url)
    with pytest.raises(InvalidInput, match=says) as caught:
        block()(model_id=MODEL, messages=HELLO)
    assert caught.value.where == "CONDUIT_LM_BASE_URL"
    assert "pw" not in str(caught.value)
    with pytest.raises(InvalidInput):
        block().health()
    with pytest.raises(InvalidInput, match=says) as caught:
        block(base_url=url)
    assert caught.value.where == "base_url"


def test_a_key_without_an_address_is_not_sent_anywhere() -> None:
    with pytest.raises(InvalidInput, match="no address to send it to") as caught:
        block(api_key=KEY)
    assert KEY not in str(caught.value)


def test_a_broken_file_of_providers_says_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "providers.yaml").write_text("providers: [1]")
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="providers"):
        block()(model_id=MODEL, messages=HELLO)


@pytest.mark.parametrize(
    ("listed", "model", "ready"),
    [
        ((MODEL,), MODEL, True),
        (("a", "b"), MODEL, False),
        ((), MODEL, True),
        (("qwen3:latest",), "qwen3", True),
    ],
)
def test_ready_is_what_the_server_says(
    upstream: FakeUpstream, listed: tuple[str, ...], model: str, ready: bool
) -> None:
    upstream.models = listed
    lm = block(model, base_url=f"{upstream.url}/v1")
    assert lm.ready is ready
    (one,) = lm.health().models
    assert (one.model_id, one.provider, one.base_url) == (model, "lm", f"{upstream.url}/v1")
    assert bool(one.reason) is not ready


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/html/v1", "web page"), ("/status_401/v1", "401"), ("/status_500/v1", "500")],
)
def test_servers_that_are_not_quite_there(upstream: FakeUpstream, path: str, reason: str) -> None:
    lm = block(base_url=upstream.url + path, api_key=KEY)
    (one,) = lm.health().models
    assert not one.ready
    assert reason in one.reason
    assert KEY not in one.reason


def test_a_server_may_have_a_model_and_no_list(upstream: FakeUpstream) -> None:
    assert block(base_url=f"{upstream.url}/status_404/v1").ready


def test_a_server_that_is_down_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUIT_LM_BASE_URL", "http://127.0.0.1:1/v1")
    lm = block()
    (one,) = lm.health().models
    assert not one.ready
    assert "cannot connect" in one.reason
    with pytest.raises(ConduitError, match="cannot connect"):
        lm(model_id=MODEL, messages=HELLO)


def test_no_key_in_errors_or_reprs(upstream: FakeUpstream) -> None:
    lm = block("status_401", base_url=f"{upstream.url}/v1", api_key=KEY)
    with pytest.raises(ProviderRefused) as caught:
        lm(model_id="status_401", messages=HELLO)
    assert "401" in str(caught.value)
    assert "CONDUIT_LM_API_KEY" in caught.value.hint
    assert KEY not in f"{caught.value} {lm!r} {vars(lm)}"


def test_an_endpoint_that_comes_late_is_found(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What went wrong in opening is tried again."""
    lm = LMLiteBlock([LmLiteModelConfig(MODEL)], ComputeProvider.RUNPOD)
    with pytest.raises(Unavailable):
        asyncio.run(lm.acall(model_id=MODEL, messages=HELLO))
    monkeypatch.setenv("CONDUIT_LM_BASE_URL", f"{upstream.url}/v1")
    assert asyncio.run(lm.acall(model_id=MODEL, messages=HELLO)) == "You said: hello"


@dataclass
class Measured:
    """Bounds and a union, of which Anthropic's strict mode takes less than OpenAI's."""

    length: Annotated[int, Range(1, 9), "in beats"]
    tone: Literal["dry", "warm"] | None
    names: Annotated[list[str], Length(1, 3)]


@pytest.mark.parametrize(
    ("type", "field"),
    [
        ("openai_compatible", "response_format"),
        ("ollama", "format"),
        ("anthropic", "output_config"),
    ],
)
async def test_each_protocol_is_asked_for_the_shape_natively(
    upstream: FakeUpstream,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    type: str,
    field: str,
) -> None:
    """The fake refuses what is not as the protocol publishes it, so one request means it was."""
    base = upstream.url if type == "ollama" else f"{upstream.url}/v1"
    (tmp_path / "providers.yaml").write_text(
        f"providers: {{here: {{type: {type}, base_url: '{base}', model: m, api_key: k}}}}"
    )
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path))
    lm = block("m")
    found = await lm.acall(model_id="m", messages=HELLO, output=Measured)
    assert isinstance(found, Measured)
    *views, last = [v async for v in lm.astream(model_id="m", messages=HELLO, output=Measured)]
    assert views
    assert last == found
    assert len(upstream.requests) == 2
    assert all(field in request.body for request in upstream.requests)


def test_a_silent_server_is_a_finding_too(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conduit.runtime.endpoint._HEALTH_S", 0.1)
    lm = block(base_url=f"{upstream.url}/silent/v1")
    (one,) = lm.health().models
    assert (one.ready, one.reason) == (False, "nothing came for 0.1 s")
