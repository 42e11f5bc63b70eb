"""Logs: one JSON object a line, and never a secret in it."""

from __future__ import annotations

import asyncio
import json
import logging
import string
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.call import LOCAL_OWNER, Call
from conduit.contracts.errors import NotFound
from conduit.contracts.outcome import Outcome
from conduit.telemetry.logs import CallLog, JsonLines, log_to_stderr, redact

tails = st.text(string.ascii_letters + string.digits + "_-", min_size=16, max_size=48)
prefixes = st.sampled_from(["sk-", "ck-", "sk-ant-api03-", "sk-proj-", "pplx-", "gsk_", "xai-",
                            "hf_", "AIza", "ghp_", "github_pat_", "xoxb-", "r8_"])  # fmt: skip
keys = st.builds(str.__add__, prefixes, tails)
opaque = st.builds("Q{}9".format, tails)
prose = st.text(st.characters(categories=["L", "Nd", "Zs"]), max_size=20).map(lambda t: f"{t} ")


def _line(message: str, *args: object, error: bool = False, **fields: Any) -> dict[str, Any]:
    """A record through the formatter; with ``error``, while an exception is being handled."""
    told = sys.exc_info() if error else None
    record = logging.LogRecord("conduit.x", logging.ERROR, __file__, 1, message, args, told)
    if fields:
        record.fields = fields
    line = JsonLines().format(record)
    assert "\n" not in line
    read: dict[str, Any] = json.loads(line)
    return read


@given(keys, prose, prose)
def test_a_key_never_appears_wherever_it_stands(key: str, before: str, after: str) -> None:
    text = f"{before}{key} {after}"
    assert key not in redact(text)
    assert key not in str(_line("%s", text))
    assert key not in str(_line("x", deep={"list": [{"note": text}]}, note=text))
    try:
        raise ValueError(text)
    except ValueError:
        line = _line("failed", error=True)
        assert key not in str(line)
        assert "ValueError" in line["trace"]


@pytest.mark.parametrize(
    "shape",
    [
        "Authorization: Bearer {}",
        "authorization: {}",
        "{{'Authorization': 'Bearer {}'}}",
        '{{"authorization": "Basic {}"}}',
        "bearer {}",
        "api_key={}",
        "?api-key={}&x=1",
        "apiKey: '{}'",
        "x-api-key: {}",
        '{{"api_key": "{}"}}',
        '{{\\"api_key\\": \\"{}\\"}}',
        "password = {}",
        'password="two words {}"',
        "client_secret={};",
        "access_token:{}",
        "postgresql://me:{}@db.example/name",
        "https://{0}:{0}@host/",
    ],
)
@given(secret=opaque)
def test_what_is_said_to_be_a_secret_never_appears(shape: str, secret: str) -> None:
    text = shape.format(secret)
    assert secret not in redact(text).replace("https://" + secret, "")
    assert secret not in str(_line(text.replace("%", "%%"))).replace("https://" + secret, "")


@given(opaque, st.sampled_from(["api_key", "Authorization", "token", "password", "API-KEY"]))
def test_a_field_with_a_secret_name_is_cut_whatever_it_holds(secret: str, name: str) -> None:
    for value in (secret, [secret], {"x": secret}, secret.encode()):
        assert secret not in str(_line("call", **{name: value}))


@given(prose)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    said = f"{text} 8 bars at 140 bpm, 512 input_tokens, key of C, http://127.0.0.1:9321/ask"
    assert redact(said) == said


def test_a_line_says_when_how_bad_who_and_what() -> None:
    line = _line("it %s", "broke", block="groove.render", elapsed_ms=1.5)
    assert line.pop("at").endswith("+00:00")
    assert line == {"level": "error", "log": "conduit.x", "message": "it broke",
                    "block": "groove.render", "elapsed_ms": 1.5}  # fmt: skip


@pytest.fixture
def new_process() -> Iterator[None]:
    """The `conduit` loggers as they are when a process starts."""
    root = logging.getLogger("conduit")
    before = (root.handlers[:], root.level, root.propagate)
    root.handlers, root.propagate = [], True
    yield
    root.handlers, root.propagate = before[0], before[2]
    root.setLevel(before[1])


@pytest.mark.usefixtures("new_process")
def test_only_what_is_bad_enough_is_written_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("WARNING")
    log_to_stderr("ERROR")
    logging.getLogger("conduit.a").warning("quiet")
    logging.getLogger("conduit.a").error("loud")
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["loud"]


@pytest.mark.usefixtures("new_process")
def test_a_call_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("INFO")
    call = Call("groove.render", None, LOCAL_OWNER, "id-1")

    async def serve() -> None:
        log = CallLog()
        await log.before(call)
        await log.after(call, Outcome("ok", 1.23456))
        await log.after(call, Outcome("failed", 2.0, NotFound("sk-aaaaaaaaaaaaaaaa")))

    asyncio.run(serve())
    said = capsys.readouterr().err
    first, second = (json.loads(line) for line in said.splitlines())
    assert (first["block"], first["status"], first["elapsed_ms"]) == ("groove.render", "ok", 1.235)
    assert (second["status"], second["error"]) == ("failed", "not_found")
    assert second["correlation_id"] == "id-1"
    assert "sk-aaa" not in said
