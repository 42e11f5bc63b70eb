"""The bridge between other hosts and services: OSC in, requests over HTTP, OSC back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time

import pytest

from conduit.contracts.errors import InvalidInput, NotFound
from conduit.surfaces.osc.asking import Told, ask
from conduit.surfaces.osc.datagrams import Datagrams
from conduit.surfaces.osc.door import Door
from conduit.surfaces.osc.links import DatagramLink, StreamLink
from conduit.surfaces.osc.replies import parts, refusal
from conduit.surfaces.osc.server import MOST_STREAMS_OF_HOST
from conduit.surfaces.osc.settings import OscSettings, network_of
from conduit.surfaces.osc.wire import (
    Bundle,
    FrameReader,
    Message,
    TimeTag,
    as_slip,
    decode,
    encode,
)
from tests.surfaces.osc.hosts import Patch, bridged, bundled, kinds, patched, written


async def test_a_prompt_is_acknowledged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with patched() as (patch, behind):
        patch.ask("/conduit/prompt", "8 bars of dub", "a1")
        assert await patch.told("a1") == [
            ("ack", [202]),
            ("result", [{"path": "/blocks/agent.ask"}]),
        ]
        path, headers, body = behind.asked[0]
        assert (path, json.loads(body)) == ("/blocks/agent.ask", {"prompt": "8 bars of dub"})
        assert headers["authorization"] == "Bearer token-1"
        assert behind.keys == ["ck-very-secret"]
    assert "token-" not in caplog.text
    assert "ck-very-secret" not in caplog.text


async def test_streamed_text_comes_as_progress_and_errors_by_the_table() -> None:
    async with patched() as (patch, _):
        patch.ask("/conduit/block/stream.text", "{}", "s")
        told = await patch.told("s")
        assert kinds(told) == ["ack", "progress", "progress", "result"]
        assert json.loads(told[1][1][0]) == {"text": "Hello, pedal"}
        for name, code, status in (
            ("fails.limit", "too_many", 429),
            ("fails.html", "unavailable", 502),
            ("stream.breaks", "unavailable", 502),
        ):
            patch.ask(f"/conduit/block/{name}", "{}", name)
            kind, said = (await patch.told(name))[-1]
            assert (kind, said[0], said[1]) == ("error", code, status)
        assert patch.heard[0][0] == "ack"


async def test_a_large_result_comes_in_parts_that_fit_a_datagram() -> None:
    async with patched() as (patch, _):
        patch.ask("/conduit/block/large.result", "size", 60_000, "corr", "big")
        told = await patch.told("big")
        assert told[-1] == ("result", [{"text": "é" * 60_000}])
        assert 80 < len(patch.sizes) < 100
        assert max(patch.sizes) <= 1_400
        patch.ask("/conduit/block/large.result", "size", 300_000, "corr", "over")
        assert (await patch.told("over"))[-1][1][0] == "too_large"


async def test_over_tcp_the_same_with_slip_and_more() -> None:
    async with bridged(tcp=0) as (server, behind):

        async def of(message: Message, corr: str) -> list[Told]:
            port, patience = server.tcp_port, 20.0
            asked = ask("127.0.0.1", port, message, corr, tcp=True, patience_s=patience)
            return [each async for each in asked]

        told = await of(Message("/conduit/block/large.result", ('{"size": 300000}', "t")), "t")
        assert told == [Told("ack", 202), Told("result", {"text": "é" * 300_000})]
        with pytest.raises(NotFound, match="nothing at"):
            await of(Message("/conduit/nowhere", ("x", "t")), "t")

        # what a web page can make a browser send is not acted upon
        reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
        asked_before = len(behind.asked)
        page = b"POST / HTTP/1.1\r\n\r\n" + as_slip(written("/conduit/prompt", "delete all"))
        writer.write(page)
        assert await reader.read() == b""
        writer.close()
        assert len(behind.asked) == asked_before

        # by size, as OSC 1.0 has it; and who leaves is worked for no longer
        reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
        packet = written("/conduit/block/wait.here", "{}", "w")
        writer.write(len(packet).to_bytes(4, "big") + packet)
        size = int.from_bytes(await reader.readexactly(4), "big")
        assert b"/conduit/ack" in await reader.readexactly(size)
        async with asyncio.timeout(20):
            await behind.began.wait()
            writer.close()
            await behind.cancelled.wait()


async def test_a_pattern_asks_for_all_that_it_matches() -> None:
    async with patched(may=("groove.render", "groove.vary", "llm.*")) as (patch, behind):
        patch.ask("/conduit/block/groove.{vary,render}", "{}", "p")
        found: set[str] = set()
        while len(found) < 2:
            kind, said = await patch.hear()
            if kind == "result":
                found.add(said[0])
        assert found == {"p/groove.render", "p/groove.vary"}
        assert sorted(path for path, _, _ in behind.asked) == [
            "/blocks/groove.render",
            "/blocks/groove.vary",
        ]
        patch.ask("/conduit/block/shell.run", "{}", "f")
        assert (await patch.told("f"))[0][1][:2] == ["forbidden", 403]


async def test_bundles_take_effect_at_their_time_and_in_their_order() -> None:
    async with patched() as (patch, behind):
        later = time.time() + 0.6
        patch.send(bundled(later, written("/conduit/block/a.late", "{}", "late")))
        patch.send(
            bundled(
                0,
                written("/conduit/block/a.one", "{}", "1"),
                written("/conduit/block/a.two", "{}", "2"),
            )
        )
        patch.send(bundled(time.time() - 5, written("/conduit/block/a.past", "{}", "3")))
        await patch.told("late")
        assert time.time() >= later
        acks = [said[0] for kind, said in patch.heard if kind == "ack"]
        assert acks == ["1", "2", "3", "late"]
        patch.send(bundled(time.time() + 3600, written("/conduit/block/a.b", "{}", "x")))
        kind, said = await patch.hear()
        while kind != "error":
            kind, said = await patch.hear()
        assert said[0:3] == ["-", "malformed", 400]
        assert "3,6" in said[3] or "3,5" in said[3]
        assert len(behind.asked) == 4
        hundred = [written("/conduit/block/a.b", "{}")] * 100
        for _ in range(3):  # of which 256 are kept
            patch.send(bundled(time.time() + 30, *hundred))
        kind, said = await patch.hear()
        assert (kind, said[1]) == ("error", "busy")


async def test_what_goes_on_can_be_cancelled_even_before_it_began() -> None:
    async with patched(at_once=1) as (patch, behind):
        patch.ask("/conduit/block/wait.here", "{}", "w")
        patch.ask("/conduit/block/wait.here", "{}", "queued")
        await behind.began.wait()
        patch.ask("/conduit/block/wait.here", "{}", "w")
        assert (await patch.told("w"))[-1][1][0] == "conflict"
        patch.ask("/conduit/cancel", "queued")
        assert (await patch.told("queued"))[-1][1][0] == "cancelled"
        patch.ask("/conduit/cancel", "w")
        assert (await patch.told("w"))[-1][1][0] == "cancelled"
        ask_and_end = (written("/conduit/block/a.b", "{}", "n"), written("/conduit/cancel", "n"))
        patch.send(bundled(0, *ask_and_end))
        assert (await patch.told("n"))[-1][1][0] == "cancelled"
        patch.ask("/conduit/cancel", "gone")
        assert (await patch.told("gone"))[-1][1][0] == "unknown"


async def test_floods_are_refused_and_harm_nobody_else() -> None:
    async with bridged(at_once=1, queue=2) as (server, behind):
        loud, calm = Patch(server.udp_port), Patch(server.udp_port)
        for number in range(10):
            loud.ask("/conduit/block/wait.here", "{}", f"l{number}")
        refused = [(await loud.told(f"l{number}"))[-1][1][0] for number in range(3, 10)]
        assert refused == ["busy"] * 7
        calm.ask("/conduit/block/a.b", "{}", "calm")
        assert (await calm.told("calm"))[-1][0] == "result"
        behind.hold.set()
        loud.close(), calm.close()
    async with patched(burst=5.0, per_minute=1.0) as (patch, behind):
        for number in range(200):
            patch.ask("/conduit/block/a.b", "{}", f"r{number}")
        for _ in range(11):
            await patch.hear()
        errors = [said for kind, said in patch.heard if kind == "error"]
        assert [said[1] for said in errors] == ["too_many"]  # told once, not 195 times
        assert len(behind.asked) == 5


async def test_bundles_within_a_bundle_are_counted_too() -> None:
    async with patched(burst=20.0, per_minute=1.0) as (patch, _):
        later = Bundle((), TimeTag.at(time.time() + 3600))
        patch.send(encode(Bundle((later,) * 1000)))
        for _ in range(20):
            patch.ask("/conduit/block/a.b", "{}", "end")
            if await patch.hear() == ("ack", ["end", 202]):
                break
        said = [said[:2] for kind, said in patch.heard if kind == "error"]
        assert said == [["-", "too_many"]], "once, and not for each of a thousand"


async def test_who_does_not_read_is_not_written_to_for_ever() -> None:
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: accepted.put_nowait(writer), "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    link = StreamLink(await accepted.get(), FrameReader(1024), 1)
    short, said = Message("/conduit/ack", ("x" * 60, 200)), 0
    async with asyncio.timeout(20):
        while link.say(short):
            said += 1
            await asyncio.sleep(0)
        came = 0
        while came < 1 << 20:  # it reads after all
            came += len(await reader.read(1 << 16))
        await asyncio.sleep(0.05)
        assert link.say(short)
    assert said > 1000
    writer.close(), server.close()
    for _ in range(400):
        if not link.say(short):
            break
        await asyncio.sleep(0.05)
    assert not link.say(short), "it is gone"
    await link.send([short])  # which raises nothing


async def test_one_host_does_not_take_all_connections() -> None:
    async with bridged(tcp=0) as (server, _):
        asked = as_slip(written("/conduit/hello"))
        opened = []
        for number in range(MOST_STREAMS_OF_HOST + 1):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
            opened.append(writer)
            writer.write(asked)
            try:
                came = await reader.read(1 << 10)
            except ConnectionError:
                came = b""
            assert (came == b"") == (number == MOST_STREAMS_OF_HOST)
        opened[0].close()
        async with asyncio.timeout(20):
            while True:  # there is room again
                reader, writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
                opened.append(writer)
                writer.write(asked)
                with contextlib.suppress(ConnectionError):
                    if await reader.read(1 << 10):
                        break
        for each in opened:
            each.close()


async def test_parts_that_got_lost_do_not_spoil_what_comes_after_them() -> None:
    def answer(data: bytes, source: tuple[str, int]) -> None:
        for kind, text, part, of in (
            ("progress", '{"text": "a', 1, 3), ("progress", 'c"}', 3, 3),
            ("progress", '{"text": "d', 1, 3), ("progress", "e", 2, 3), ("progress", 'f"}', 3, 3),
            ("progress", '{"text":', 1, 2),
            ("result", '{"ok":', 1, 2), ("result", '{"ok":', 1, 2), ("result", "1}", 2, 2),
        ):  # fmt: skip
            there.send(encode(Message(f"/conduit/{kind}", ("c", text, part, of))), source)

    there = await Datagrams.open("127.0.0.1", 0, answer)
    message = Message("/conduit/prompt", ("hi", "c"))
    asked = ask("127.0.0.1", there.port, message, "c", patience_s=20.0)
    told = [(each.kind, each.value) async for each in asked]
    there.close()
    assert told == [("progress", {"text": "def"}), ("result", {"ok": 1})]


async def test_nothing_that_comes_stops_the_bridge_or_begins_a_loop() -> None:
    async with patched() as (patch, behind):
        patch.send(b"")
        patch.send(b"\xff" * 1000)
        patch.send(b"#bundle\0" + bytes(8) + b"\x7f" * 8)
        patch.ask("/conduit/error", "x", "malformed", 400, "m", "h", 0)
        patch.ask("/conduit/token", "x")
        patch.ask("/someone/elses", 1)
        patch.ask("/conduit/prompt", 5)
        patch.ask("/conduit/block/a.b", "{", "j")
        patch.ask("/conduit/block/[a", "{}", "k")
        patch.ask("/conduit/block/a.b", "{}", "end")
        await patch.told("end")
        errors = [said[:3] for kind, said in patch.heard if kind == "error"]
        assert errors[0] == [
            "-",
            "malformed",
            400,
        ]  # of the three that cannot be read, one a second
        assert ["j", "malformed", 400] in errors
        assert ["k", "malformed", 400] in errors
        assert len(errors) == 4
        assert len(behind.asked) == 1


async def test_a_stranger_beyond_this_machine_is_not_heard() -> None:
    settings = OscSettings(
        "http://x", allow=(network_of("192.168.1.0/24"), network_of("fe80::/10"))
    )
    door = Door(settings, time.monotonic, b"secret")
    heard = (
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "192.168.1.9",
        "::ffff:192.168.1.9",
        "fe80::1%2",
    )
    assert [host for host in heard if not door.lets_in(host)] == []
    assert [host for host in ("192.168.2.1", "8.8.8.8", "2001::1", "") if door.lets_in(host)] == []


async def test_replies_are_never_more_than_came_until_somebody_proves_to_be_there() -> None:
    clock = [100.0]
    settings = OscSettings("http://x", allow=(network_of("10.0.0.0/8"),), reply_to=("10.0.0.9", 9))
    door = Door(settings, lambda: clock[0], b"secret")
    there = ("10.0.0.1", 4000)
    assert not door.may_send(there, 1)
    door.came(there, 100)
    assert door.may_send(there, 60)
    assert not door.may_send(there, 41)
    assert door.may_send(there, 40)
    assert not door.proves(there, "guess")
    assert not door.proves(there, door.token(("10.0.0.2", 4000)))
    token = door.token(there)
    clock[0] += 60
    assert door.proves(there, token)
    assert door.may_send(there, 1 << 20)
    clock[0] += 600
    assert not door.may_send(there, 1 << 20)
    assert not door.proves(there, token)  # it is old now
    assert door.may_send(("10.0.0.9", 9), 1 << 20)  # the operator says so
    assert door.may_send(("127.0.0.1", 9), 1 << 20)
    assert door.proves(there, door.token(there))
    for number in range(4000):  # addresses that somebody made up
        door.came((f"10.1.{number >> 8}.{number & 255}", 9), 100)
    assert door.may_send(there, 1 << 20)
    asking, answer = Message("/conduit/hello", ("-" * 16,)), Message("/conduit/token", (token,))
    assert len(encode(answer)) <= len(encode(asking))


async def test_whoever_is_beyond_this_machine_gets_no_more_than_it_sent_until_hello() -> None:
    async with bridged(allow=(network_of("10.0.0.0/8"),)) as (server, behind):
        bridge, sent, came = server.bridge, list[bytes](), 0
        place = ("10.1.2.3", 4000)

        async def send(data: bytes) -> list[bytes]:
            nonlocal came
            sent.clear()
            link = DatagramLink(place, bridge.settings, bridge.door, lambda d, _: sent.append(d))
            bridge.door.came(link.place, len(data))
            came += len(data)
            bridge.hear(link, data)
            await bridge.idle()
            return sent

        large = written("/conduit/block/large.result", '{"size": 20000}', "l")
        told = await send(large)
        assert 0 < sum(map(len, told)) <= came  # the ack, and nothing of the result
        hello = await send(written("/conduit/hello", "-" * 16))
        assert sum(map(len, hello)) <= 40
        token = decode(hello[0])
        assert isinstance(token, Message)
        await send(encode(Message("/conduit/hello", token.arguments)))
        assert sum(map(len, await send(large))) > 40_000
        assert len(behind.asked) == 2


async def test_replies_go_where_the_operator_says() -> None:
    async with bridged() as (probe, _):
        elsewhere = Patch(probe.udp_port)
    async with patched(reply_port=elsewhere.port) as (patch, _):
        patch.ask("/conduit/block/a.b", "{}", "there")
        assert (await elsewhere.told("there"))[-1][0] == "result"
    elsewhere.close()


def test_replies_fit_whatever_they_say() -> None:
    error = InvalidInput("ü" * 5000, hint="\0" + "x" * 5000)
    assert len(encode(refusal("c" * 64, error, 600))) <= 600
    text = "🥁" * 4000
    made = parts("result", "c", {"text": text}, most=300, in_all=1 << 20)
    assert max(len(encode(each)) for each in made) <= 300
    whole = "".join(str(each.arguments[1]) for each in made)
    assert json.loads(whole) == {"text": text}
    assert {each.arguments[3] for each in made} == {len(made)}
