"""The bridge between devices and services: words in, requests over HTTP, words back."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from conduit.intents.pace import Rate
from conduit.midi import ump
from conduit.surfaces.flex.carriers import RUBY, RUBY_LANGUAGE
from conduit.surfaces.flex.devices import DeviceRule, Strangers
from conduit.surfaces.flex.envelope import Envelope, render, render_batch, render_parts
from conduit.surfaces.flex.triggers import Binding, Bindings, Trigger
from tests.surfaces.flex.pedals import NOW, Clock, bridged, joined, numbers


async def test_a_press_is_acknowledged_and_answered(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (bridge, behind):
        pedal = joined(bridge)
        corr = await pedal.ask("planner.execute", {"steps": []})
        assert await pedal.told(corr) == [
            ("ack", {"status": 202}),
            ("result", {"path": "/planner/execute"}),
        ]
        path, headers, body = behind.asked[0]
        assert (path, body) == ("/planner/execute", b'{"steps":[]}')
        assert headers["authorization"] == "Bearer token-1"
        assert len(headers["idempotency-key"]) == 32
        assert behind.keys == ["ck-very-secret"]


async def test_streamed_text_comes_as_progress(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (bridge, _):
        pedal = joined(bridge)
        told = await pedal.told(await pedal.ask("stream.text"))
        assert [intent for intent, _ in told] == ["ack", "progress", "progress", "result"]
        assert told[1][1] == {"text": "Hello, pedal"}
        assert told[2][1]["event"]["block"] == "groove.render"
        assert told[-1][1] == {"text": "Hello, pedal"}


@pytest.mark.parametrize(
    ("intent", "code", "status"),
    [
        ("fails.limit", "too_many", 429),
        ("fails.html", "unavailable", 502),
        ("fails.json", "unavailable", 502),
        ("stream.breaks", "unavailable", 502),
    ],
)
async def test_errors_of_services_are_told_by_the_table(
    tmp_path: Path, intent: str, code: str, status: int
) -> None:
    async with bridged(tmp_path) as (bridge, _):
        pedal = joined(bridge)
        last = (await pedal.told(await pedal.ask(intent)))[-1]
        assert last[0] == "error"
        assert (last[1]["code"], last[1]["status"]) == (code, status)
        if intent == "fails.limit":
            assert (last[1]["retry_ms"], last[1]["hint"]) == (7000, "as the server says")


async def test_a_token_is_renewed_before_it_ends_and_when_it_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    async with bridged(tmp_path, clock) as (bridge, behind):
        pedal = joined(bridge)
        await pedal.told(await pedal.ask("a.b"))
        await pedal.told(await pedal.ask("a.b"))
        assert behind.tokens == 1
        clock.now = 721  # of 900
        pedal_now = f"late{next(numbers)}"
        await pedal.press(render(Envelope(clock.ms(), pedal_now, "a.b")))
        await pedal.told(pedal_now)
        assert behind.tokens == 2
        behind.valid = set()
        other = f"late{next(numbers)}"
        await pedal.press(render(Envelope(clock.ms(), other, "a.b")))
        assert (await pedal.told(other))[-1][0] == "result"
        assert behind.tokens == 3
    assert "token-" not in caplog.text
    assert "ck-very-secret" not in caplog.text


async def test_a_server_without_tokens_is_asked_without(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (bridge, behind):
        behind.gives_tokens = False
        pedal = joined(bridge)
        assert (await pedal.told(await pedal.ask("a.b")))[-1][0] == "result"
        assert "authorization" not in behind.asked[0][1]


async def test_a_server_that_is_gone_is_said(tmp_path: Path) -> None:
    async with bridged(tmp_path, service="http://127.0.0.1:1") as (bridge, _):
        pedal = joined(bridge)
        [_, (intent, body)] = await pedal.told(await pedal.ask("a.b"))
        assert (intent, body["code"]) == ("error", "unavailable")


async def test_a_full_queue_says_busy_and_harms_nobody_else(tmp_path: Path) -> None:
    rules = (
        DeviceRule("loud", ("*",), endpoint="Loud", rate=Rate(6000, 1000)),
        DeviceRule("calm", ("*",), endpoint="Calm"),
    )
    async with bridged(tmp_path, devices=rules, queue=3, at_once=2) as (bridge, behind):
        loud, calm = joined(bridge, endpoint="Loud"), joined(bridge, endpoint="Calm")
        corrs = [await loud.ask("wait.here") for _ in range(40)]
        refused = [
            corr for corr in corrs if (await loud.told(corr, "ack", "error"))[0][0] == "error"
        ]
        assert len(refused) == 35
        body = (await loud.told(refused[0]))[0][1]
        assert (body["code"], body["status"]) == ("busy", 503)
        assert body["retry_ms"] > 0
        assert (await calm.told(await calm.ask("a.b")))[-1][0] == "result"
        behind.hold.set()
        for corr in set(corrs) - set(refused):
            assert (await loud.told(corr))[-1] == ("result", {"waited": True})
        again = await loud.ask("a.b")
        assert (await loud.told(again))[-1][0] == "result"


async def test_replays_and_forged_devices_are_refused(tmp_path: Path) -> None:
    rules = (DeviceRule("pedal", ("*",), endpoint="Pedal", secret="hidden"),)
    async with bridged(tmp_path, devices=rules, strangers=Strangers()) as (bridge, behind):
        real = joined(bridge, secret="pedal", here=False)
        forged = joined(bridge, here=False)
        corr = await real.ask("shell.run", {})
        await real.told(corr)
        assert (await forged.told(await forged.ask("shell.run")))[0][1]["code"] == "forbidden"
        real.replies.clear()
        await real.ask("shell.run", {}, corr)
        assert (await real.told(corr))[0][1]["code"] == "conflict"
        assert len(behind.asked) == 1


async def test_a_replay_is_refused_after_a_restart_and_what_was_begun_is_told(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with bridged(tmp_path, clock) as (bridge, _):
        pedal = joined(bridge)
        done = await pedal.ask("a.b")
        await pedal.told(done)
        begun = await pedal.ask("wait.here")
        await pedal.told(begun, "ack")
    async with bridged(tmp_path, clock) as (bridge, behind):
        pedal = joined(bridge)
        await pedal.ask("a.b", corr=done)
        assert (await pedal.told(done))[0][1]["code"] == "conflict"
        assert (await pedal.told(begun))[0][1]["code"] == "interrupted"
        assert behind.asked == []


async def test_cancel_ends_what_goes_on(tmp_path: Path) -> None:
    async with bridged(tmp_path, at_once=1) as (bridge, behind):
        pedal = joined(bridge)
        going, waits = await pedal.ask("wait.here"), await pedal.ask("wait.here")
        await behind.began.wait()
        for corr in (waits, going):
            told = await pedal.told(await pedal.ask("cancel", {"corr": corr}), "ack")
            assert told == [("ack", {"status": 200})]
            assert (await pedal.told(corr))[-1][1]["code"] == "cancelled"
        nothing = await pedal.told(await pedal.ask("cancel", {"corr": "?"}))
        assert nothing[0][1]["code"] == "unknown"
        await behind.cancelled.wait()
        both = [Envelope(NOW, "at once", "a.b"), Envelope(NOW, "no", "cancel", {"corr": "at once"})]
        (batch,) = render_batch(both)
        await pedal.press(batch)  # it is cancelled before it began
        assert (await pedal.told("at once"))[-1][1]["code"] == "cancelled"


async def test_texts_for_people_are_kept_as_often_as_is_allowed(tmp_path: Path) -> None:
    strangers = Strangers(here=(), rate=Rate(60, 3))
    async with bridged(tmp_path, strangers=strangers) as (bridge, _):
        pedals = [joined(bridge, endpoint=f"Name {number}") for number in range(5)]
        for pedal in pedals:  # another name is no other rate
            await pedal.press("Live at the Roxy")
        assert (len(bridge.metadata), bridge.counts.refused) == (3, 2)


async def test_metadata_is_kept_and_not_acted_upon(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (bridge, behind):
        pedal = joined(bridge)
        await pedal.press("Live at the Roxy")
        corr = await pedal.ask("scene", {"name": "verse"})
        assert await pedal.told(corr, "ack") == [("ack", {"status": 202, "kept": True})]
        assert [(each.intent, each.text) for each in bridge.metadata] == [
            ("", "Live at the Roxy"),
            ("scene", '{"name":"verse"}'),
        ]
        assert behind.asked == []


async def test_batches_parts_and_either_carrier(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (bridge, behind):
        pedal = joined(bridge)
        many = [Envelope(NOW, f"b{number}", "a.b", {"n": number}) for number in range(5)]
        for text in render_batch(many):
            await pedal.press(text)
        for each in many:
            assert (await pedal.told(each.corr))[-1][0] == "result"
        large = Envelope(NOW, "large", "a.b", {"text": "x" * 40_000})
        for text in render_parts(large):
            await pedal.press(text)
        assert (await pedal.told("large"))[-1][0] == "result"
        assert json.loads(behind.asked[-1][2]) == large.body
        for corr, first, second in (("r1", RUBY, RUBY_LANGUAGE), ("r2", RUBY_LANGUAGE, RUBY)):
            await pedal.press("Go on", first)
            await pedal.press(render(Envelope(NOW, corr, "a.b")), second)
            assert (await pedal.told(corr))[-1][0] == "result"
            assert pedal.labels[-1] == f"result {corr}"


async def test_large_results_come_in_parts_and_too_large_ones_are_refused(tmp_path: Path) -> None:
    async with bridged(tmp_path, text=2048) as (bridge, _):
        pedal = joined(bridge)
        corr = await pedal.ask("large.result", {"size": 20_000})
        while not any(each.part and each.part.number == each.part.of for each in pedal.replies):
            pedal.came.clear()
            await pedal.came.wait()
        parts = [each for each in pedal.replies if each.part]
        text = "".join(str(each.body) for each in parts)
        assert json.loads(text) == {"text": "é" * 20_000}
        assert {each.corr for each in parts} == {corr}
        corr = await pedal.ask("large.result", {"size": 200_000})
        assert (await pedal.told(corr))[-1][1]["code"] == "too_large"
        corr = await pedal.ask("stream.large")  # what happens on the way is left out where it must
        assert await pedal.told(corr) == [
            ("ack", {"status": 202}),
            ("progress", {"text": "small"}),
            ("result", {"text": "small"}),
        ]


def written(**changes: Any) -> str:
    return json.dumps({"v": 1, "ts": NOW, "corr": "x", "intent": "a.b"} | changes)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "malformed"),
        ("[]", "malformed"),
        ('{"v":1}', "malformed"),
        ("[" * 5000, "malformed"),
        (written(ts=0), "conflict"),
        (json.dumps({"v": 1, "ts": NOW + 60_000, "corr": "x", "intent": "a.b"}), "conflict"),
        (
            json.dumps({"v": 1, "ts": NOW, "corr": "x", "intent": "llm.chat", "body": 7}),
            "malformed",
        ),
        (json.dumps({"v": 1, "ts": NOW, "corr": "x", "intent": "persist.baseline"}), "malformed"),
    ],
)
async def test_what_cannot_be_used_is_answered_by_one_error(
    tmp_path: Path, text: str, code: str
) -> None:
    async with bridged(tmp_path) as (bridge, _):
        pedal = joined(bridge)
        await pedal.press(text)
        corr = "x" if '"x"' in text else "-"
        assert (await pedal.told(corr))[-1][1]["code"] == code
        assert [each.intent for each in pedal.replies if each.intent == "error"] == ["error"]


async def test_a_reply_is_never_answered(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (bridge, behind):
        pedal = joined(bridge)
        for intent in ("ack", "progress", "result", "error"):
            await pedal.ask(intent, {})
        assert pedal.replies == []
        assert behind.asked == []


async def test_a_pedal_that_knows_no_envelopes_is_pressed(tmp_path: Path) -> None:
    """Once for each time that it goes down, in MIDI 1.0 and 2.0 alike."""
    sustain = Trigger("control", 0, 4, 64)
    bound = Bindings(
        (
            Binding(sustain, "a.b", {"n": 1}),
            Binding(Trigger("note", 0, 9, 36), "a.c", device="Pedal"),
            Binding(Trigger("note", 0, 9, 37), "a.d", device="Somebody else"),
        )
    )
    async with bridged(tmp_path, bindings=bound) as (bridge, behind):
        pedal = joined(bridge)
        presses: list[ump.Message] = [
            ump.Midi1ControlChange(0, 4, 64, 127),
            ump.Midi1ControlChange(0, 4, 64, 100),
            ump.Midi2ControlChange(0, 4, 64, 0),
            ump.Midi2ControlChange(0, 4, 64, 1 << 31),
            ump.Midi2NoteOn(0, 9, 36, 1),
            ump.Midi2NoteOn(0, 9, 37, 1),
            ump.Midi1NoteOn(0, 9, 36, 0),
            ump.Midi1NoteOn(0, 9, 36, 1),
            ump.Midi1NoteOn(0, 8, 36, 1),
        ]
        await pedal.say(ump.encode_all(presses))
        for number in range(4):
            corr = next(each.corr for each in pedal.replies if each.intent == "ack")
            await pedal.told(corr)
            pedal.replies = [each for each in pedal.replies if each.corr != corr]
            assert len(behind.asked) > number
        assert (
            sorted(path for path, _, _ in behind.asked) == ["/blocks/a.b"] * 2 + ["/blocks/a.c"] * 2
        )


async def test_endpoints_introduce_themselves(tmp_path: Path) -> None:
    """The other end's names are taken for what it is, where the transport has none."""
    rules = (DeviceRule("listed", ("a.*",), endpoint="Foot", product="F-7"),)
    async with bridged(tmp_path, devices=rules, strangers=Strangers()) as (bridge, _):
        pedal = joined(bridge, endpoint="", here=False)
        assert (await pedal.told(await pedal.ask("a.b")))[0][1]["code"] == "forbidden"
        said = [
            *ump.endpoint_text_packets(ump.EndpointText("endpoint name", "Foot")),
            *ump.endpoint_text_packets(ump.EndpointText("product instance id", "F-7")),
        ]
        for word in said:  # in any portions
            await pedal.say([word])
        assert (await pedal.told(await pedal.ask("a.b")))[-1][0] == "result"
        pedal.words.clear()
        asks = ump.EndpointDiscovery(1, 1, True, False, True, True, True)
        await pedal.say(ump.encode_all([asks, ump.FunctionBlockDiscovery(0xFF, True, True)]))
        kinds = [type(each).__name__ for each in ump.decode(pedal.words, strict=True)]
        assert kinds == [
            "EndpointInfo",
            "EndpointName",
            "ProductInstanceId",
            "ConfigurationNotification",
            "FunctionBlockInfo",
            "FunctionBlockName",
        ]
