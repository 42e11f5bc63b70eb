"""What an intent is asked as over HTTP, and how what went wrong is told."""

from __future__ import annotations

import pytest

from conduit.contracts import errors
from conduit.contracts.errors import ConduitError, InvalidInput, RateLimited
from conduit.contracts.json import Json
from conduit.intents.codes import CODES, Trouble, code_for, code_of, raised, trouble
from conduit.intents.table import call_of, is_known


def test_every_error_of_the_tree_has_a_code_and_a_way_back() -> None:
    made = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, ConduitError)
    ]
    assert len(made) > 20
    names = {row.name for row in CODES}
    for kind in made:
        error = kind.__new__(kind)
        ConduitError.__init__(error, "what", hint="do this", where="here")
        error.retry_after_s = 1.5  # type: ignore[attr-defined]
        assert code_of(error).name in names
    for row in CODES:
        told = Trouble(row.name, row.status, "what", "do this", 1500)
        back = raised(told) if row.name != "busy" else None
        if back is not None and row.name != "failed":
            assert code_of(back) is row
        for status in row.statuses:
            assert code_for(status) is row
    assert trouble(RateLimited("slow", retry_after_s=1.5)).retry_ms == 1500
    assert code_for(503, "rate_limited").name == "too_many"
    assert len(trouble(InvalidInput("x" * 10_000)).message) == 500


@pytest.mark.parametrize(
    ("intent", "body", "path", "sent"),
    [
        ("llm.chat", {"messages": []}, "/chat", b'{"messages":[]}'),
        ("planner.reason", {"objective": "o"}, "/planner/reason", b'{"objective":"o"}'),
        ("planner.execute", {"steps": []}, "/planner/execute", b'{"steps":[]}'),
        (
            "function.invoke",
            {"id": "a b/..", "arguments": {}},
            "/functions/a%20b%2F../invoke",
            b'{"arguments":{}}',
        ),
        (
            "persist.baseline",
            {"corpusId": "fc-main", "baselineId": "B", "content": "t"},
            "/corpora/fc-main/baselines",
            b'{"baselineId":"B","content":"t"}',
        ),
        ("awareness.reflect", {"corpusId": "c"}, "/corpus/reflections", b'{"corpusId":"c"}'),
        ("groove.render", None, "/blocks/groove.render", b"{}"),
    ],
)
def test_intents_become_requests(intent: str, body: Json, path: str, sent: bytes) -> None:
    call = call_of(intent, body)
    assert (call.path, call.body) == (path, sent)
    assert is_known(intent)
    tells = intent in ("llm.chat", "planner.execute", "groove.render")  # what happens on its way
    assert call.accept.startswith("text/event-stream" if tells else "application/json")


def test_a_document_is_registered_as_a_file() -> None:
    call = call_of("tools.register", {"corpusId": "c&d", "openapi": {"openapi": "3.0.0"}})
    assert call.path == "/tools/register?corpusId=c%26d"
    assert call.media_type.startswith("multipart/form-data; boundary=")
    assert b'name="openapi_file"' in call.body
    assert b'{"openapi":"3.0.0"}' in call.body


@pytest.mark.parametrize(
    ("intent", "body"),
    [
        ("llm.chat", [1]),
        ("function.invoke", {}),
        ("function.invoke", {"id": ".."}),
        ("function.invoke", {"id": 7}),
        ("persist.baseline", {"corpusId": "x" * 201}),
        ("tools.register", {}),
        ("tools.register", {"openapi": 7}),
        ("tools.register", {"openapi": "x", "evil": 1}),
    ],
)
def test_bodies_that_do_not_fit_are_refused(intent: str, body: Json) -> None:
    with pytest.raises(InvalidInput, match="hint"):
        call_of(intent, body)


@pytest.mark.parametrize(
    "intent", ["hello", "", ".", "a.", ".b", "../etc", "a.b/../c", "a b.c", "A.b", "a.b\n"]
)
def test_what_is_no_name_of_a_block_is_nobodys(intent: str) -> None:
    assert not is_known(intent)
