"""“Make the hats sit like this loop” over the real wire: from a browser's page, and for Live."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from conduit.audio import render_song, wav_bytes
from conduit.rhythm import STYLES, Style, render
from tests.product.server import Server, serving

SWING = 62
SET = {"tempo": 124, "tracks": [{"name": "Drums", "kind": "midi"}], "selected": {"track": 0}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("ears")) as it:
        yield it


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def loop() -> bytes:
    return wav_bytes(render_song(render(STYLES[Style.HARD], bars=2, swing=SWING).song()))


def ask(http: httpx.Client, prompt: str, path: str = "/ask", session: str = "s") -> Any:
    body = {"prompt": prompt, "session": session, "provider": "offline"}
    return http.post(path, json=body).raise_for_status().json()


def when(notes: Any, name: str) -> list[int]:
    at = notes["layers"].index(name)
    return [t for t, layer in zip(notes["tick"], notes["layer"], strict=True) if layer == at]


def test_a_page_sends_a_sound_and_the_hats_sit_like_it(
    server: Server, http: httpx.Client, loop: bytes
) -> None:
    page = {"origin": server.url, "sec-fetch-site": "same-origin"}
    sent = {"file": ("break.wav", loop)}
    heard = http.post("/ears/hear", files=sent, data={"session": "s"}, headers=page).json()
    blocks = {each["name"]: each for each in http.get("/blocks").json()["blocks"]}
    jsonschema.validate(heard, blocks["ears.hear"]["output_schema"])
    assert heard["analysis"]["feel"]["swing"] == pytest.approx(SWING, abs=2)
    stored = next(server.home.rglob(heard["sound"]["id"]))
    assert stored.read_bytes() == loop
    assert stat.S_IMODE(stored.stat().st_mode) == 0o644, "as other stored files"
    listed = http.get("/ears/heard", params={"session": "s"}).json()["sounds"]
    assert listed == [heard["sound"]]
    plain = ask(http, "4 bars of minimal at 124")["tool_calls"][0]["result"]
    reply = ask(http, "make the hats sit like this loop")
    (use,) = reply["tool_calls"]
    assert (use["block"], use["arguments"]["loop"]) == ("groove.sit_like", heard["sound"]["id"])
    sat = use["result"]
    assert sat["template"]["swing"] == pytest.approx(SWING, abs=2)
    before, after = (
        http.post("/blocks/groove.notes", json={"groove_id": each["groove_id"]}).json()
        for each in (plain, sat)
    )
    late = {name for name in after["layers"] if when(after, name) != when(before, name)}
    assert late
    assert late <= set(sat["layers"]), "nothing but the hats moves"
    http.post("/reset", json={"session": "s"}).raise_for_status()
    assert http.get("/ears/heard", params={"session": "s"}).json()["sounds"] == []


def test_a_device_sends_a_sound_and_gets_a_clip(
    server: Server, http: httpx.Client, loop: bytes
) -> None:
    token = (server.home / "live.token").read_text()
    assert http.post("/live/hear", content=loop).status_code == 401
    with httpx.Client(
        base_url=server.url, headers={"authorization": f"Bearer {token}"}, timeout=30
    ) as device:
        told = device.put("/live/context", json={"session": "d", "context": SET}).json()
        heard = device.post("/live/hear?session=d&name=Break.wav", content=loop).json()
        assert heard["version"] > told["version"]
        seen = device.get("/live/context", params={"session": "d"}).json()
        assert seen["version"] == heard["version"]
        assert seen["context"]["heard"] == heard["sound"]["said"]
        wish = "2 bars of dub with hats like this loop"
        reply = ask(device, wish, "/live/ask", session="d")
        assert [use["block"] for use in reply["tool_calls"]] == ["groove.sit_like", "live.clip"]
        (clip,) = reply["blocks"]
        assert (clip["type"], clip["length_beats"]) == ("midi", 8)
        assert "In Live: " in reply["text"]
