"""A model as a step: a block like any other, sync, async, through the gate's checks."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conduit.blocks import Catalog, Effects, block, trace
from conduit.contracts.errors import ConfigError, InvalidInput, TypeMismatch
from tests.fakes.upstream import Answer, FakeUpstream
from tests.runtime.conftest import MakeBlock


@dataclass
class WebPage:
    html: str


@dataclass
class Summary:
    title: str


@dataclass
class HTMLText:
    text: str


@dataclass
class Length:
    characters: int


@block("text.length", summary="Measure a title")
def measure(data: Summary) -> Length:
    return Length(len(data.title))


def test_a_step_is_a_block(make: MakeBlock, upstream: FakeUpstream) -> None:
    step = make().step(
        model_id="fake-1", input=WebPage, output=Summary, guidance="Short.", temperature=0
    )
    assert (step.name, step.permission) == ("lm.web_page_to_summary", "lm.web_page_to_summary")
    assert step.summary == "Ask fake-1 to turn a WebPage into a Summary"
    assert step.effects == Effects.NETWORK
    assert (step.input_type, step.output_type) == (WebPage, Summary)
    upstream.answers.append(Answer('{"title": "Four"}'))
    assert measure(step(WebPage("<p>"))) == Length(4)
    body = upstream.requests[-1].body
    assert body["temperature"] == 0
    assert "Short." in body["messages"][0]["content"]
    assert Catalog([step]).get(step.name) is step


async def test_a_step_awaited(make: MakeBlock) -> None:
    step = make().step(model_id="fake-1", input=WebPage, output=Summary)
    assert await step.acall(WebPage("<p>")) == Summary("some title")


def test_names_of_steps(make: MakeBlock) -> None:
    lm = make()
    assert lm.step(model_id="fake-1", input=HTMLText, output=Summary).name == (
        "lm.html_text_to_summary"
    )
    named = lm.step(model_id="fake-1", input=HTMLText, output=Summary, name="page.summary")
    assert named.name == "page.summary"


def test_what_would_fail_on_every_row_fails_at_once(make: MakeBlock) -> None:
    lm = make()
    with pytest.raises(InvalidInput, match="none of the models"):
        lm.step(model_id="other", input=WebPage, output=Summary)
    with pytest.raises(InvalidInput, match="there is no option"):
        lm.step(model_id="fake-1", input=WebPage, output=Summary, heat=1)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="dataclass"):
        lm.step(model_id="fake-1", input=dict, output=Summary)
    with pytest.raises(ConfigError):
        lm.step(model_id="fake-1", input=WebPage, output=str)
    with pytest.raises(ConfigError, match="name"):
        lm.step(model_id="fake-1", input=WebPage, output=Summary, name="Not A Name")


def test_a_step_checks_its_input(make: MakeBlock, upstream: FakeUpstream) -> None:
    step = make().step(model_id="fake-1", input=WebPage, output=Summary)
    with pytest.raises(TypeMismatch, match="expected WebPage, got Summary"):
        step(Summary("x"))  # type: ignore[arg-type]
    assert upstream.requests == []


async def test_a_trace_knows_what_a_step_used(make: MakeBlock, upstream: FakeUpstream) -> None:
    upstream.answers.extend([Answer("Gladly!"), Answer('{"title": "Four"}')])
    pipeline = make().step(model_id="fake-1", input=WebPage, output=Summary) >> measure
    with trace() as seen:
        assert await pipeline.acall(WebPage("<p>")) == Length(4)
    assert [(span.tokens_in, span.tokens_out) for span in seen.spans] == [(14, 10), (0, 0)]


def test_the_version_of_a_step_is_what_it_asks(make: MakeBlock) -> None:
    def version(**given: object) -> str:
        return make().step(model_id="fake-1", input=WebPage, output=Summary, **given).version

    assert version() == version()
    assert version(guidance="G", seed=1, temperature=0) == version(
        temperature=0, seed=1, guidance="G"
    )
    assert len({version(), version(guidance="G"), version(temperature=0)}) == 3
