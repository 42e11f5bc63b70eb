"""``providers.yaml`` is changed while requests are under way: nobody notices but for who answers;
what is wrong with it is told, and no key of it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import FakeUpstream
from tests.product.answers import refused
from tests.product.counting import PLAIN, call, nothing_left_open
from tests.product.raw import Wire, request
from tests.product.server import Server, serving
from tests.product.waiting import settled

pytestmark = pytest.mark.timeout(180)

CHAT = "/v1/chat/completions"
SECRET = "sk-live-0123456789abcdefghijklmnop"
IN_FORCE_S = 20.0
CONFIGURATION = """
providers:
  main: {type: openai_compatible, base_url: "URL/PATH/v1", model: MODEL, api_key: SECRET}
  endless: {type: openai_compatible, base_url: "URL/endless_stream/v1", model: MODEL}
groups:
  front: {targets: [main]}
routing: {default: front}
"""


def configuration(upstream: FakeUpstream, model: str, path: str = "pause_then_good") -> str:
    text = CONFIGURATION.replace("URL", upstream.url).replace("SECRET", SECRET)
    return text.replace("MODEL", model).replace("PATH", path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, configuration(upstream, "m-1")) as running:
        yield running


def write(server: Server, text: str | bytes) -> None:
    data = text.encode() if isinstance(text, str) else text
    (server.home / "providers.yaml").write_bytes(data)


def status(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = call(server, "gateway.config")["status"]
    return found


def chat(model: str = "front", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}


def answering(server: Server) -> str:
    """Which model answers now."""
    response = httpx.post(server.url + CHAT, json=chat(), timeout=20, verify=PLAIN)
    assert response.status_code == 200, response.text
    model: str = response.json()["model"]
    return model


def in_force(server: Server, model: str) -> float:
    """Wait until a model answers; how long that took."""
    begun = time.monotonic()
    while answering(server) != model:
        assert time.monotonic() - begun < IN_FORCE_S, status(server)
    return time.monotonic() - begun


def restored(server: Server, upstream: FakeUpstream) -> None:
    """What every test begins with."""
    call(server, "gateway.put", text=configuration(upstream, "m-1").replace(SECRET, "needed"))
    assert answering(server) == "m-1"


def test_fifty_under_way_notice_nothing(server: Server, upstream: FakeUpstream) -> None:
    """Each asks again and again, half of them for streams, while the model, the address and the
    circuits change below them three times; one stream lasts through all of it."""
    stop, answered, failed = threading.Event(), [0] * 50, list[str]()

    def keep_asking(at: int) -> None:
        with httpx.Client(base_url=server.url, timeout=20, verify=PLAIN) as http:
            while not stop.is_set():
                response = http.post(CHAT, json=chat(stream=bool(at % 2)))
                whole = response.text.count("hello") == 1
                whole = whole and ("[DONE]" in response.text or not at % 2)
                if response.status_code != 200 or not whole:
                    failed.append(response.text)
                answered[at] += 1

    with (
        nothing_left_open(server, upstream),
        Wire(server.port) as wire,
        ThreadPoolExecutor(50) as pool,
    ):
        wire.send(*request(CHAT, chat("endless", stream=True)))
        wire.until(b"You")
        clients = [pool.submit(keep_asking, at) for at in range(50)]
        try:
            for model, path in (("m-2", "comments"), ("m-3", "crlf")):
                write(server, configuration(upstream, model, path))
                in_force(server, model)
            write(server, configuration(upstream, "m-5").replace("  endless:", "  another:"))
            in_force(server, "m-5")
            wire.received = b""
            wire.until(b"You")  # it is gone from the file, and goes on to the end
            settled(lambda: min(answered) >= 5 or bool(failed))
        finally:
            stop.set()
        for each in clients:
            each.result()
    assert failed == []
    refused(httpx.post(server.url + CHAT, json=chat("endless")), 404, "not_found")


BAD = {
    "no YAML": (b"providers: [", "line 2"),
    "a field that nobody knows": (b"providers:\n  main: {type: openai, modle: x}\n", "modle"),
    "a type that nobody knows": (b"providers:\n  main: {type: opemai}\n", "opemai"),
    "a group of nobody": (b"groups:\n  front: {targets: [nobody]}\n", "nobody"),
    "a loop": (b"aliases: {a: b, b: a}\n", "a"),
    "a list": (b"- 1\n", ""),
    "not Unicode": (b"providers: \xff\xfe\n", ""),
    "too deep": (b"a: " + b"[" * 5000 + b"\n", ""),
    "too large": (b"# " + b"x" * (8 << 20) + b"\n", ""),
    "a bomb": (
        b"a: &a [1,1,1,1,1,1,1,1,1]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 9))
                   for c in range(ord("a"), ord("i"))),
        "",
    ),
    "a tag": (b"providers: !!python/object/apply:os.system [true]\n", ""),
}  # fmt: skip


def test_a_bad_file_leaves_the_old_one_in_force_and_says_where_it_is_wrong(
    server: Server, upstream: FakeUpstream
) -> None:
    """Put there one after another as a person does it, and as a program does; a second each."""
    restored(server, upstream)
    before = status(server)
    for name, (data, said) in BAD.items():
        write(server, data)
        answer = httpx.post(server.url + "/blocks/gateway.reload", json={}, timeout=20)
        error = refused(answer, 400, "bad_config")
        assert said in error["message"], name
        now = status(server)
        assert (now["digest"], now["since"]) == (before["digest"], before["since"])
        assert now["fault"]["code"] == "bad_config"
        assert "providers.yaml" in error["message"] + now["fault"]["message"]
        assert answering(server) == "m-1"
    write(server, configuration(upstream, "m-6"))
    in_force(server, "m-6")
    assert status(server)["fault"] is None


def test_the_place_of_a_fault_is_told_by_line(server: Server, upstream: FakeUpstream) -> None:
    """Also without being asked for: the file is looked at every second."""
    text = configuration(upstream, "m-7").replace(
        "routing: {default: front}", "routing: {defualt: x}"
    )
    write(server, text)
    deadline = time.monotonic() + IN_FORCE_S
    while (fault := status(server)["fault"]) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert fault is not None
    line = text.splitlines().index("routing: {defualt: x}") + 1
    assert f"providers.yaml:{line}:" in fault["message"] or f"line {line}" in fault["message"]
    assert "defualt" in fault["message"]
    assert "default" in fault["hint"]
    assert answering(server) != "m-7"
    assert SECRET not in server.log


def test_a_file_that_goes_away_changes_nothing(server: Server, upstream: FakeUpstream) -> None:
    restored(server, upstream)
    (server.home / "providers.yaml").unlink()
    refused(
        httpx.post(server.url + "/blocks/gateway.reload", json={}, timeout=20), 400, "bad_config"
    )
    assert answering(server) == "m-1"
    write(server, configuration(upstream, "m-8"))
    in_force(server, "m-8")


def test_it_is_put_over_http_and_keeps_its_keys(server: Server, upstream: FakeUpstream) -> None:
    restored(server, upstream)
    shown = call(server, "gateway.config")
    assert "api_key: needed" in shown["text"]
    changed = shown["text"].replace("m-1", "m-9")
    digest = shown["status"]["digest"]
    told = call(server, "gateway.check", text=changed)
    assert "m-9" in told["text"]
    assert answering(server) == "m-1"
    call(server, "gateway.put", text=changed, instead_of=digest)
    assert answering(server) == "m-9"
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
    body = {"text": shown["text"], "instead_of": digest}
    refused(httpx.post(server.url + "/blocks/gateway.put", json=body), 409, "conflict")
    body = {"text": changed.replace(upstream.url, "http://evil.example")}
    error = refused(httpx.post(server.url + "/blocks/gateway.put", json=body), 400, "bad_config")
    assert "its key is needed" in error["message"], "it does not go to another address by itself"
    assert answering(server) == "m-9"


def test_presets_are_saved_applied_and_undone(server: Server, upstream: FakeUpstream) -> None:
    restored(server, upstream)
    call(server, "presets.save", name="one", about="the first")
    call(server, "gateway.put", text=configuration(upstream, "m-10").replace(SECRET, "needed"))
    assert answering(server) == "m-10"
    shown = call(server, "presets.show", name="one")
    assert "m-1" in str(shown)
    call(server, "presets.apply", name="one")
    assert answering(server) == "m-1"
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
    call(server, "presets.undo")
    assert answering(server) == "m-10"
    assert [each["name"] for each in call(server, "presets.list")["presets"]] == ["one"]
    file = call(server, "presets.export", name="one")["text"]
    call(server, "presets.import", text=file, name="two")
    call(server, "presets.apply", name="two")
    assert answering(server) == "m-1"
    refused(
        httpx.post(server.url + "/blocks/presets.apply", json={"name": "three"}), 404, "not_found"
    )


def test_no_key_comes_out_anywhere(server: Server, upstream: FakeUpstream) -> None:
    restored(server, upstream)
    call(server, "presets.save", name="whole", replace=True)
    call(server, "presets.apply", name="whole")
    said = [
        httpx.get(server.url + path).text
        for path in ("/providers", "/health", "/blocks", "/openapi.json", "/v1/models", "/api/tags")
    ]
    for name, data in (
        ("gateway.config", {}),
        ("gateway.check", {"text": configuration(upstream, "m-11").replace(SECRET, "needed")}),
        ("gateway.check", {"text": f"providers: {{main: {{api_key: {SECRET}, type: nobody}}}}"}),
        ("gateway.reload", {}),
        ("presets.show", {"name": "whole"}),
        ("presets.export", {"name": "whole"}),
        ("presets.export", {"name": "whole", "format": "json"}),
        ("presets.list", {}),
        ("usage.recent", {}),
        ("system.doctor", {}),
        ("system.metrics", {}),
        ("models.names", {}),
        ("models.explain_route", {"prompt": "hello"}),
    ):
        said.append(httpx.post(f"{server.url}/blocks/{name}", json=data, timeout=20).text)
    for path in ("status_401", "status_400", "html"):
        write(server, configuration(upstream, "m-12", path))
        call(server, "gateway.reload")
        for stream in (False, True):
            body = chat("main", stream=stream)
            said.append(httpx.post(server.url + CHAT, json=body, timeout=20).text)
            assert upstream.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
    said += [server.log, httpx.get(server.url + "/providers").text]
    files = [each for each in server.home.rglob("*") if each.is_file()]
    keeps = {"providers.yaml", "providers.yaml.bak", ".before.json"}
    said += [f.read_text(errors="replace") for f in files if f.name not in keeps]
    for text in said:
        assert SECRET not in text
        assert SECRET[8:-8] not in text
    written_here = {"providers.yaml.bak", ".before.json"}
    assert written_here <= {each.name for each in files}
    for each in files:
        if each.name in written_here:
            assert each.stat().st_mode & 0o077 == 0
