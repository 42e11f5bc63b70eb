"""The error tree as status codes and details."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts import errors
from conduit.contracts.errors import (
    AllProvidersFailed,
    CircuitOpen,
    ConduitError,
    Conflict,
    Forbidden,
    InvalidInput,
    MissingDependency,
    Overloaded,
    ProviderBusy,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    RateLimited,
    StoreError,
    TimedOut,
    TypeMismatch,
)
from conduit.surfaces.grpc.statuses import code_of, refusal

CODES = [
    (ConduitError("x"), StatusCode.INTERNAL),
    (InvalidInput("x"), StatusCode.INVALID_ARGUMENT),
    (Conflict("x"), StatusCode.ABORTED),
    (Forbidden("x"), StatusCode.PERMISSION_DENIED),
    (MissingDependency("x"), StatusCode.FAILED_PRECONDITION),
    (Overloaded("x", retry_after_s=1), StatusCode.RESOURCE_EXHAUSTED),
    (RateLimited("x", retry_after_s=1), StatusCode.RESOURCE_EXHAUSTED),
    (TimedOut("x"), StatusCode.DEADLINE_EXCEEDED),
    (StoreError("x"), StatusCode.UNAVAILABLE),
    (ProviderUnreachable("x", provider="p"), StatusCode.UNAVAILABLE),
    (ProviderTimeout("x", provider="p"), StatusCode.DEADLINE_EXCEEDED),
    (ProviderBusy("x", provider="p"), StatusCode.RESOURCE_EXHAUSTED),
    (ProviderRefused("x", provider="p", status=422), StatusCode.INVALID_ARGUMENT),
    (ProviderRefused("x", provider="p", status=401), StatusCode.UNAVAILABLE),
    (CircuitOpen("x", provider="p"), StatusCode.UNAVAILABLE),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=lambda x: getattr(x, "code", ""))
def test_each_has_its_code(error: ConduitError, code: StatusCode) -> None:
    assert code_of(error) is code
    assert refusal(error, "id").code is code


def every_class(cls: type[ConduitError] = ConduitError) -> Iterator[type[ConduitError]]:
    yield cls
    for each in cls.__subclasses__():
        yield from every_class(each)


def test_only_what_is_nobodys_fault_is_internal() -> None:
    of_the_tree = [each for each in every_class() if each.__module__ == errors.__name__]
    assert len(of_the_tree) > 25
    for each in of_the_tree:
        bare = each.__new__(each)  # each has parameters of its own; the code is the class's
        for name in ("side", "failures", "status"):
            setattr(bare, name, ())
        assert (code_of(bare) is StatusCode.INTERNAL) == (each is ConduitError), each


def test_what_a_block_returned_wrongly_is_our_fault() -> None:
    for side, code in (("input", StatusCode.INVALID_ARGUMENT), ("output", StatusCode.INTERNAL)):
        error = TypeMismatch(block="b", side=side, path="a.b", expected="int", got="str")
        assert code_of(error) is code


def test_a_chain_that_failed_in_one_way_failed_in_that_way() -> None:
    slow = ProviderTimeout("x", provider="a")
    busy = ProviderBusy("x", provider="b")
    assert code_of(AllProvidersFailed((slow, slow))) is StatusCode.DEADLINE_EXCEEDED
    assert code_of(AllProvidersFailed((slow, busy))) is StatusCode.UNAVAILABLE


def details(error: ConduitError) -> Status:
    return Status.FromString(refusal(error, "my-id-123").details)


def test_the_details_say_code_hint_and_where() -> None:
    info = ErrorInfo()
    details(Forbidden("no", where="groove.render", hint="ask")).details[0].Unpack(info)
    assert (info.reason, info.domain) == ("FORBIDDEN", "conduit")
    assert dict(info.metadata) == {
        "code": "forbidden",
        "hint": "ask",
        "where": "groove.render",
        "correlation_id": "my-id-123",
    }


def test_there_is_always_a_hint() -> None:
    for error, _ in CODES:
        assert "\nhint: " in refusal(error, "id").message


def test_a_type_that_is_wrong_names_its_field() -> None:
    error = TypeMismatch(block="b", side="input", path="notes[2].pitch", expected="int", got="str")
    bad = BadRequest()
    details(error).details[1].Unpack(bad)
    assert bad.field_violations[0].field == "notes[2].pitch"


@given(st.floats(0, 1e6))
def test_the_delay_is_the_one_that_was_said(seconds: float) -> None:
    retry = RetryInfo()
    packed = details(RateLimited("x", retry_after_s=seconds)).details
    packed[len(packed) - 1].Unpack(retry)
    delay = retry.retry_delay
    assert delay.seconds + delay.nanos / 1e9 == pytest.approx(seconds, abs=1e-6)


def test_a_delay_beyond_all_durations_is_the_longest() -> None:
    assert len(details(RateLimited("x", retry_after_s=1e30)).details) == 3


@given(st.text(max_size=3000), st.text(max_size=3000), st.text(max_size=3000))
def test_the_trailers_fit_what_clients_take(message: str, hint: str, where: str) -> None:
    told = (message * 5, hint * 5, where * 5)
    for error in (
        InvalidInput(told[0], hint=told[1], where=told[2]),
        RateLimited(told[0], hint=told[1], where=told[2], retry_after_s=1),
    ):
        ending = refusal(error, "x" * 64)
        size = len(quote(ending.message)) + len(ending.details) * 4 / 3
        assert size < 8_000
