"""Sounds in requests: whole bodies, forms, JSON; too much, too little, clients that leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from conduit.blocks import Catalog, Gate, Length, Range, block
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.store.files import DiskFiles
from conduit.surfaces.http.limits import Limits
from conduit.surfaces.http.live_door import LiveDoor
from conduit.surfaces.http.server import http_surface

LIMITS = Limits(body_bytes=2_000, sound_bytes=60_000, sound_s=5.0)
WAV = b"RIFF" + bytes(range(200)) * 200
TOKEN = "cl-token-of-the-device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came."""

    file_id: Annotated[str, Length(0, 64)] = ""
    path: Annotated[str, Length(0, 64)] = ""
    session: Annotated[str, Length(1, 200)] = "default"
    name: Annotated[str, Length(0, 200)] = ""
    onsets: Annotated[int, Range(0, 10)] = 3


@block("ears.hear", summary="Listen")
def hear(request: Heard) -> Heard:
    return request


@block("live.hear", summary="Listen for a set")
def live_hear(request: Heard) -> Heard:
    return request


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("no page is asked for")


ANYBODY = Principal("anybody", permissions=frozenset({"*"}))
Surface = Callable[..., Any]


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


@pytest.fixture
def surface(files: DiskFiles) -> Surface:
    def made(caller: Principal = ANYBODY) -> Any:
        gate = Gate(Catalog((hear, live_hear)), new_id=lambda: "1")
        door = LiveDoor(lambda: TOKEN, caller)
        return http_surface(
            gate, files, page, lambda: "an-id-of-8", LIMITS, caller=caller, live=door
        )

    return made


@pytest.fixture
async def http(surface: Surface) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(surface())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def kept(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())


async def test_a_sound_may_be_the_whole_body_or_a_file_of_a_form(
    http: httpx.AsyncClient, files: DiskFiles
) -> None:
    for kind in ("audio/wav", "application/x-www-form-urlencoded", "application/json", ""):
        headers = {"content-type": kind} if kind else {}
        answer = await http.post(
            "/ears/hear?session=mine&name=../a/break.wav&onsets=2", content=WAV, headers=headers
        )
        made = answer.json()
        assert answer.status_code == 200, made
        assert (made["session"], made["name"], made["onsets"]) == ("mine", "break.wav", 2)
        ref, data = files.get(DEFAULT_ORG, made["file_id"])
        assert (ref.name, ref.media_type, data) == ("break.wav", "audio/wav", WAV)
    for beginning, name in (
        (b"fLaC", "sound.flac"),
        (b"FORM", "sound.aif"),
        (b"RF64", "sound.wav"),
    ):
        made = (await http.post("/ears/hear", content=beginning)).json()
        assert (made["name"], made["session"]) == (name, "default")
    form = {"session": "mine", "onsets": "1"}
    sent = {"file": ("C:\\loops\\break\u200b 2.WAV", WAV, "text/plain")}
    made = (await http.post("/ears/hear", data=form, files=sent)).json()
    assert (made["session"], made["name"], made["onsets"]) == ("mine", "break 2.WAV", 1)
    assert files.ref(DEFAULT_ORG, made["file_id"]).media_type == "audio/wav"
    for sent_as, name in (("..", "sound"), (".hidden.wav", "hidden.wav")):
        made = (await http.post("/ears/hear", files={"file": (sent_as, WAV)})).json()
        assert made["name"] == name
    made = (await http.post("/ears/hear", json={"file_id": "x", "session": "s"})).json()
    assert (made["file_id"], made["session"]) == ("x", "s")
    headers = {"authorization": f"Bearer {TOKEN}"}
    made = (await http.post("/live/hear", content=WAV, headers=headers)).json()
    assert len(made["file_id"]) == 64


async def pieces(data: bytes, size: int = 7_000) -> AsyncIterator[bytes]:
    yield data[:3]
    for at in range(3, len(data), size):
        yield data[at : at + size]


async def test_it_comes_in_pieces_and_not_without_end(
    http: httpx.AsyncClient, files: DiskFiles, tmp_path: Path
) -> None:
    made = (await http.post("/ears/hear", content=pieces(WAV))).json()
    assert files.get(DEFAULT_ORG, made["file_id"])[1] == WAV
    before = kept(tmp_path)
    for answer in (
        await http.post("/ears/hear", content=pieces(WAV * 2)),
        await http.post("/ears/hear", content=WAV * 2),
        await http.post("/ears/hear", files={"file": ("x.wav", WAV * 2)}),
        await http.post("/ears/hear", content=pieces(b'{"a": "' + WAV)),
        await http.post("/blocks/ears.hear", content=WAV),
    ):
        assert answer.status_code == 413
        assert answer.json()["error"]["hint"]
    assert kept(tmp_path) == before, "nothing of it is left"


async def test_what_is_no_sound_says_what_to_send(http: httpx.AsyncClient, tmp_path: Path) -> None:
    sound = ("x.wav", WAV[:1000])
    form = "multipart/form-data"
    for sent in (
        {"content": b"MThd not a sound"}, {"content": b'["file"]'}, {"content": b"{"},
        {"content": b"\x00\xff\xfe"}, {"json": {"file_id": 3}}, {"json": {"nothing": 1}},
        {"files": {"other": sound}}, {"files": [("file", sound), ("file", sound)]},
        {"files": {"file": sound}, "data": {"what": "x"}},
        {"files": {"file": sound}, "data": {"session": ["a", "b"]}},
        {"files": {"file": sound}, "data": {"onsets": "many"}},
        {"files": {"session": sound}},
        {"data": {"file": "text"}, "files": {"name": ("", b"")}},
        {"content": b"--x", "headers": {"content-type": form}},
        {"content": b"--x\r\nbroken", "headers": {"content-type": f"{form}; boundary=x"}},
    ):  # fmt: skip
        answer = await http.post("/ears/hear", **sent)
        assert answer.status_code == 400, (sent, answer.text)
        assert answer.json()["error"]["hint"], sent
    for query in ("file_id=x", "path=x"):
        answer = await http.post(f"/ears/hear?{query}", content=WAV)
        assert "two sounds" in answer.json()["error"]["message"]
    assert [name for name in kept(tmp_path) if name.startswith(".")] == []


async def test_who_may_not_listen_puts_nothing_on_the_disk(
    surface: Surface, tmp_path: Path
) -> None:
    transport = httpx.ASGITransport(surface(Principal("x", permissions=frozenset({"groove.*"}))))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/ears/hear", content=WAV)
        assert answer.status_code == 403
        assert "ears.hear" in answer.json()["error"]["hint"]
        assert (await client.post("/live/hear", content=WAV)).status_code == 401
        page = {"origin": "http://evil.example"}
        assert (await client.post("/ears/hear", content=WAV, headers=page)).status_code == 403
    assert kept(tmp_path) == []


@pytest.mark.parametrize("kind", [b"audio/wav", b"multipart/form-data; boundary=x"])
async def test_who_leaves_in_the_middle_leaves_nothing(
    surface: Surface, tmp_path: Path, kind: bytes
) -> None:
    start = b"RIFF" if kind == b"audio/wav" else (
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF'
    )  # fmt: skip
    coming: list[Message] = [
        {"type": "http.request", "body": start + bytes(30_000), "more_body": True},
        {"type": "http.disconnect"},
    ]
    got: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        got.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/ears/hear", "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", kind)], "scheme": "http",
    }  # fmt: skip
    await surface()(scope, receive, send)
    assert got[0]["status"] == 400
    assert kept(tmp_path) == []
