"""``access.yaml``: what it means, what it says when it is wrong, and that it tells no secret."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.app import Settings, open_app
from conduit.app.access import EXAMPLE, Access, parse_access, read_access, write_example
from conduit.app.guarded import BY_HAND, GUARDED
from conduit.blocks.utility.allowed import NamedDatabase, NamedHosts, Root
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import ConfigError, Conflict, StoreError

PASSWORD = "hunter2/@:?#"
WHOLE = """
models: [files.read, http.*]
remote: [http.get]
roots:
  notes: {path: ~/notes, write: true}
  music: {path: /srv/music}
hosts:
  - example.com
  - "*.example.org"
  - {host: "api.internal:8080", private: true}
databases:
  music: {uri: "sqlite:///~/music.db"}
  crm: {uri: "postgresql://me:${CRM_PASSWORD}@db.internal:5433/crm?sslmode=require", write: true}
"""


def settings(home: Path, **environ: str) -> Settings:
    uri = f"sqlite:///{home}/app.db"
    return Settings.read({"CONDUIT_HOME": str(home), "CONDUIT_DB_URI": uri, **environ})


def parse(text: str, **environ: str) -> Access:
    return parse_access(text.encode(), settings(Path("/opt/of/conduit"), **environ))


def test_everything_it_can_say() -> None:
    access = parse(WHOLE, CRM_PASSWORD=PASSWORD)
    assert access.models == {"files.read", "http.*"}
    assert access.caller.permissions == {"*", "http.get"}
    assert access.allowed.roots == {
        "notes": Root(Path.home() / "notes", write=True),
        "music": Root(Path("/srv/music")),
    }
    hosts = ("example.com", "*.example.org", "api.internal:8080")
    assert access.allowed.hosts == NamedHosts(hosts, ("api.internal:8080",))
    music, crm = access.allowed.databases.values()
    path = Path.home() / "music.db"
    assert music == NamedDatabase("sqlite", str(path), f"sqlite:///{path}")
    assert crm.place == (
        "postgresql://me:hunter2%2F%40%3A%3F%23@db.internal:5433/crm?sslmode=require"
    )
    assert (crm.shown, crm.write) == ("postgresql://db.internal:5433/crm", True)
    assert "hunter2" not in repr(access)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "models: []\nremote:\n", EXAMPLE])
def test_without_a_word_the_least_is_allowed(text: str) -> None:
    access = parse(text, CONDUIT_OUT_DIR="/srv/renders")
    assert (access.models, access.remote) == (frozenset(), frozenset())
    assert access.allowed.roots == {"out": Root(Path("/srv/renders"), write=True)}
    assert access.allowed.hosts == NamedHosts(("*",), ())
    assert access.allowed.databases == {}


@pytest.mark.parametrize("out", ["/", "/opt", "/opt/of/conduit", "/opt/of/../of"])
def test_the_usual_folder_is_no_root_where_the_settings_lie_in_it(out: str) -> None:
    assert parse("", CONDUIT_OUT_DIR=out).allowed.roots == {}


def test_an_empty_list_allows_nothing() -> None:
    allowed = parse("{roots: {}, hosts: [], databases: {}}").allowed
    assert (allowed.roots, allowed.hosts.hosts, allowed.databases) == ({}, (), {})


def test_a_variable_that_is_not_set_is_remembered() -> None:
    (crm,) = parse(
        "databases: {crm: {uri: 'postgresql://me:${CRM}@h/crm'}}"
    ).allowed.databases.values()
    assert crm.missing == "CRM"


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("model: []", "model", "did you mean models?"),
        ("models: files.read", "models", "expected a list of texts"),
        ("models: [1]", "models", "expected a list of texts"),
        ("models: [file.read]", "models", "did you mean files.read?"),
        ("remote: [groove.render]", "remote", "'groove.render' is not a guarded block"),
        ("remote: ['*']", "remote", "name each block"),
        ("models: ['**']", "models", "name each block"),
        ("roots: [a]", "roots", "expected a mapping"),
        ("roots: {a: /srv}", "roots.a", "expected a mapping"),
        ("roots: {A: {path: /srv/a}}", "roots", "'A' cannot be a name"),
        ("roots: {a: {path: /srv/a, wrte: true}}", "roots.a.wrte", "did you mean write?"),
        ("roots: {a: {path: /srv/a, write: 1}}", "roots.a.write", "expected true or false"),
        ("roots: {a: {path: 5}}", "roots.a.path", "expected text"),
        ("roots: {a: {}}", "roots.a.path", "expected the whole path"),
        ("roots: {a: {path: notes}}", "roots.a.path", "expected the whole path"),
        ("roots: {a: {path: /srv/../etc}}", "roots.a.path", "expected the whole path"),
        ("roots: {a: {path: /}}", "roots.a.path", "expected the whole path"),
        ("roots: {a: {path: ~nobody-at-all/x}}", "roots.a.path", "expected the whole path"),
        ('roots: {a: {path: "/srv/\\0"}}', "roots.a.path", "expected the whole path"),
        ("roots: {a: {path: /opt/of}}", "roots.a.path", "settings and keys lie in it"),
        ("roots: {a: {path: /opt/of/conduit}}", "roots.a.path", "settings and keys lie in it"),
        ("hosts: example.com", "hosts", "expected a list"),
        ("hosts: [example.com, 'http://x/']", "hosts[1]", "is not a host pattern"),
        ("hosts: ['x:99999']", "hosts[0]", "is not a host pattern"),
        ("hosts: [{host: x, privat: true}]", "hosts[0].privat", "did you mean private?"),
        ("hosts: [{host: x, private: 'yes'}]", "hosts[0].private", "expected true or false"),
        ("hosts: [5]", "hosts[0]", "expected a mapping"),
        (f"hosts: [{', '.join(['a'] * 101)}]", "hosts", "there are 101 entries"),
        ("databases: {a: sqlite}", "databases.a", "expected a mapping"),
        ("databases: {a: {url: x}}", "databases.a.url", "did you mean uri?"),
        ("databases: {a: {uri: 'sqlite:///music.db'}}", "databases.a.uri", "the whole path"),
        ("databases: {a: {uri: 'sqlite://'}}", "databases.a.uri", "not the address"),
        ("databases: {a: {uri: 'mysql://me:s3cret@h/d'}}", "databases.a.uri", "not the address"),
        ("databases: {a: {uri: 'postgresql://me:s3c/ret@h/d'}}", "databases.a.uri", "%-escapes"),
        ("databases: {a: {uri: 'postgresql://me:${s3cret@h/d'}}", "databases.a.uri", "VARIABLE"),
        ("databases: {a: {uri: 5}}", "databases.a.uri", "expected text"),
    ],
)
def test_a_fault_is_named_with_its_path(text: str, where: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.where == f"access.yaml: {where}"
    assert says in str(caught.value)
    assert "s3c" not in str(caught.value)


@given(st.text(max_size=100), st.text(max_size=30))
def test_no_text_at_all_brings_another_error(whole: str, uri: str) -> None:
    for text in (whole, f"databases: {{a: {{uri: {uri!r}}}}}", f"roots: {{a: {{path: {uri!r}}}}}"):
        with suppress(ConfigError):
            parse_access(text.encode(errors="surrogatepass"), settings(Path("/opt/of/conduit")))


def test_a_folder_that_leads_to_the_settings_by_a_link_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    text = f"roots: {{a: {{path: {tmp_path}/link}}}}"
    with pytest.raises(ConfigError, match="settings and keys"):
        parse_access(text.encode(), settings(tmp_path / "home"))


async def test_a_wrong_file_stops_everything_before_anything_is_opened(tmp_path: Path) -> None:
    (tmp_path / "access.yaml").write_text("modles: []")
    with pytest.raises(ConfigError, match="did you mean models") as caught:
        async with open_app(settings(tmp_path), detect=False):
            pytest.fail("it was opened")
    assert caught.value.where == f"{tmp_path}/access.yaml: modles"
    assert os.listdir(tmp_path) == ["access.yaml"]


def test_the_example_is_valid_private_and_written_once(tmp_path: Path) -> None:
    file = tmp_path / "new" / "access.yaml"
    write_example(file)
    assert file.read_text() == EXAMPLE
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_access(settings(file.parent)).models == frozenset()
    uncommented = "\n".join(
        line.removeprefix("# ") if line[:3] in ("# r", "# h", "# d", "#  ") else line
        for line in EXAMPLE.splitlines()
    )
    assert set(parse(uncommented).allowed.roots) == {"notes"}
    with pytest.raises(Conflict, match="already"):
        write_example(file)
    with pytest.raises(StoreError, match="could not be written"):
        write_example(file / "below" / "access.yaml")


async def test_what_is_allowed_is_listed_without_secrets(tmp_path: Path) -> None:
    text = WHOLE.replace("/srv/music", f"{tmp_path}/music")
    text += '  gone: {uri: "postgresql://you:plain-secret@h/d?password=option-secret&x=${GONE}"}\n'
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "access.yaml").write_text(text)
    at_home = settings(tmp_path / "home", CRM_PASSWORD=PASSWORD)
    async with open_app(at_home, detect=False) as app:
        found: Any = await app.gate.acall("system.access", {}, LOCAL_OWNER)
        diagnosis: Any = await app.gate.acall("system.doctor", {}, LOCAL_OWNER)
        assert {each.name for each in app.gate.catalog if each.by_hand} == set(BY_HAND)
        needs = [need for each in app.gate.catalog for need in each.needs if need.guarded]
        never = {"keys.add", "keys.list", "keys.remove", "mcp.restart"}
        assert {need.permission for need in needs} == {*GUARDED, *never}
    rights = {each.name: (each.models, each.remote, each.remote_models) for each in found.blocks}
    assert rights == {
        "audio.analyze_file": (True, False, False),
        "calendar.add": (False, False, False),
        "code.execute": (False, False, False),
        **dict.fromkeys(BY_HAND, (False, True, False)),
        "runs.others": (False, False, False),
        "mcp.restart": (False, False, False),
        "tools.disable": (False, False, False),
        "tools.enable": (False, False, False),
        "tools.register": (False, False, False),
        "tools.unregister": (False, False, False),
        "tools.limit": (False, False, False),
        "tools.reset": (False, False, False),
        "web.page": (False, False, False),
        "files.list": (False, False, False),
        "files.read": (True, False, False),
        "files.write": (False, False, False),
        "http.get": (True, True, True),
        "http.post": (True, False, False),
        "keys.add": (False, False, False),
        "keys.list": (False, False, False),
        "keys.remove": (False, False, False),
        "shell.run": (False, False, False),
        "sql.query": (False, False, False),
    }
    assert [(each.name, each.write) for each in found.roots] == [("notes", True), ("music", False)]
    assert [(each.host, each.private) for each in found.hosts][-1] == ("api.internal:8080", True)
    assert [each.missing for each in found.databases] == ["", "", "GONE"]
    assert found.databases[2].address == "postgresql://h/d"
    (finding,) = [each for each in diagnosis.findings if each.name == "access"]
    assert finding.detail == "models may call files.read, http.*; HTTP may call http.get"
    for secret in ("hunter2", "plain-secret", "option-secret"):
        assert secret not in repr(found) + repr(diagnosis) + repr(app.access)
