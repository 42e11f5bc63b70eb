"""Rows from files and databases: what they hold, what they may hold, and what they must not do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import block
from conduit.blocks.rows import (
    Row,
    map_rows,
    read_csv,
    read_files,
    read_jsonl,
    read_lines,
    read_parquet,
    read_table,
    sources,
)
from conduit.contracts.errors import ConfigError, InvalidInput, NotFound, StoreError
from tests.blocks.rows import steps
from tests.blocks.rows.steps import Note
from tests.store.postgres import programs, running


@dataclass(frozen=True)
class Take:
    """A row with every kind of cell."""

    title: str
    bpm: float | None = None
    bars: int = 4
    loud: bool = False


@block("take.same", summary="Pass on", inline=True)
def same(take: Take) -> Take:
    return take


def takes(source: Any) -> list[Row[Take]]:
    return list(map_rows(same, source))


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "takes.jsonl"
    path.write_bytes(b'{"title":"a","bpm":128}\n\n{"title":"b",}\n{"titel":"c"}\n{"title":"d"}')
    rows = takes(read_jsonl(path, Take))
    assert [row.output for row in rows] == [Take("a", 128.0), None, None, Take("d")]
    assert [row.error and row.error.code for row in rows[1:3]] == [
        "malformed_json",
        "invalid_input",
    ]
    assert rows[2].input == b'{"titel":"c"}\n'


def test_a_source_is_also_an_iterable_of_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "takes.jsonl"
    path.write_text('{"title":"a"}\n{"title":7}\n')
    rows = iter(read_jsonl([path, path], Take))
    assert next(rows) == Take("a")
    with pytest.raises(InvalidInput, match="title: expected str"):
        next(rows)


def test_csv_cells_become_what_the_fields_are(tmp_path: Path) -> None:
    path = tmp_path / "takes.csv"
    path.write_text(
        "title,bpm,bars,loud\n"
        '"a, b",128.5,8,true\n'
        ",,,\n"
        "ragged,1\n"
        "c,fast,8,false\n"
        '"two\nlines",1e2,08,False\n'
    )
    rows = takes(read_csv(path, Take))
    assert [row.output for row in rows] == [
        Take("a, b", 128.5, 8, True),
        Take("", None, 4, False),
        None,
        None,
        Take("two\nlines", 100.0, 8, False),
    ]
    assert rows[2].error is not None
    assert rows[2].error.message == "2 cells are not the number the header has"
    assert rows[3].error is not None
    assert "bpm: expected float" in rows[3].error.message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'title\n"open', "not CSV in UTF-8: unexpected end of data"),
        (b"title\n\xff\n", "not CSV in UTF-8"),
        (b"title,title\na,b\n", "names a column twice"),
        (b"title\n" + b"x" * 200_000, "field larger than field limit"),
    ],
)
def test_what_is_not_csv_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=said):
        takes(read_csv(path, Take))


def test_csv_lines_and_rows_that_never_end_are_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LONGEST_LINE", 100)
    path = tmp_path / "bomb.csv"
    rows = "title,bpm\n" + '"a\nb",1\n' * 50
    path.write_text(rows)
    assert len(takes(read_csv(path, Take))) == 50
    for bomb in ("," * 200, '"a\nb",' * 30):
        path.write_text(rows + bomb)
        with pytest.raises(InvalidInput, match="longer than 100") as caught:
            takes(read_csv(path, Take))
        assert caught.value.where.startswith(f"{path}:")


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"one\r\n\ntwo\n\xff\nthree")
    rows = takes(read_lines(path, Take))
    assert [row.output and row.output.title for row in rows] == ["one", "", "two", None, "three"]
    assert rows[3].error is not None
    assert rows[3].error.message == "the line is not UTF-8 (byte 1)"


def test_a_line_that_is_too_long_is_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LONGEST_LINE", 50)
    path = tmp_path / "takes.jsonl"
    path.write_text('{"title":"a"}\n{"title":"' + "x" * 500 + '"}\n{"title":"b"}\n')
    rows = takes(read_jsonl(path, Take))
    assert [row.output for row in rows] == [Take("a"), None, Take("b")]
    assert rows[1].error is not None
    assert (rows[1].error.index, rows[1].error.code) == (1, "too_large")
    assert list(map_rows(same, read_jsonl(path, Take), workers=2)) == rows


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "takes.parquet"
    table = pyarrow.table({"title": ["a", "b"], "bpm": [128.5, None], "bars": [8, 16]})
    parquet.write_table(table, path)
    assert [row.output for row in takes(read_parquet(path, Take))] == [
        Take("a", 128.5, 8),
        Take("b", None, 16),
    ]
    path.write_bytes(b"PAR1 not at all")
    with pytest.raises(InvalidInput, match="not Parquet"):
        takes(read_parquet(path, Take))
    path.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    with pytest.raises(StoreError, match=r"could not be read: [^N]"):
        takes(read_parquet(path, Take))


def test_files_of_a_folder_in_order_and_no_links(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.txt", "a.txt", "deep/c.txt", "d.wav"):
        (tmp_path / name).touch()
    os.symlink("/etc/passwd", tmp_path / "link.txt")
    rows = takes(read_files(tmp_path, "**/*.txt", Take))
    names = [Path(row.output.title).name for row in rows if row.output]
    assert names == ["a.txt", "b.txt", "c.txt"]
    with pytest.raises(NotFound):
        takes(read_files(tmp_path / "no", "*", Take))


def test_the_source_must_give_what_the_block_takes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="takes Note, the source gives Take"):
        map_rows(steps.up, read_jsonl(tmp_path / "x", Take))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for source in (read_jsonl(tmp_path / "no", Take), read_table(tmp_path / "no", "q", Take)):
        with pytest.raises(NotFound, match="there is no such"):
            takes(source)


def test_a_changed_file_has_another_identity(tmp_path: Path) -> None:
    path = tmp_path / "takes.jsonl"
    path.write_text("{}\n")
    before = read_jsonl(path, Take).identity
    assert read_jsonl(path, Take).identity == before
    path.write_text("{}\n{}\n")
    assert read_jsonl(path, Take).identity != before


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "takes.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table takes (title text, bpm real, bars int, loud int)")
        connection.executemany(
            "insert into takes values (?, ?, ?, ?)",
            [("a", 128.5, 8, 1), ("b'; drop table takes; --", None, 4, 0), ("c", 1, 2, 7)],
        )
    connection.close()
    return path


def test_sqlite_rows_stream_and_parameters_are_bound(database: Path) -> None:
    query = "select * from takes where title >= :first order by title"
    source = read_table(database, query, Take, parameters={"first": "a"})
    rows = takes(source)
    assert [row.output for row in rows] == [
        Take("a", 128.5, 8, True),
        Take("b'; drop table takes; --", None, 4, False),
        None,
    ]
    hostile = read_table(
        database,
        "select * from takes where title = ?",
        Take,
        parameters=["b'; drop table takes; --"],
    )
    assert len(takes(hostile)) == 1
    assert len(takes(source)) == 3


def test_a_source_only_reads(database: Path) -> None:
    with pytest.raises(StoreError, match="readonly"):
        takes(read_table(database, "delete from takes returning title", Take))
    with pytest.raises(StoreError, match="no such column"):
        takes(read_table(database, "select loudness from takes", Take))


def test_other_databases_are_refused_without_their_password() -> None:
    with pytest.raises(ConfigError) as caught:
        read_table("mysql://u:hunter2@host/db", "select 1", Take)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("userinfo", ["u:hun%ter2", "u:hun ter2", "u:hun@ter2"])
def test_an_address_that_is_none_is_refused_without_its_password(userinfo: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigError, match="not a database address") as caught:
        takes(read_table(f"postgresql://{userinfo}@127.0.0.1:1/db", "select 1", Take))
    assert "ter2" not in f"{caught.value} {caught.value.hint}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    installed = programs()
    if installed is None:
        pytest.skip("there is no PostgreSQL for this platform")
    with running(installed) as folder:
        yield f"postgresql://conduit:hunter2@/postgres?host={folder}"


def test_postgresql_rows_stream(server: str) -> None:
    query = """
        select 't' || n as title, (n / 2.0)::numeric(10, 2) as bpm, n as bars, n %% 2 = 0 as loud
        from generate_series(1, %s) as n order by n
    """
    source = read_table(server, query, Take, parameters=[5000])
    assert "hunter2" not in repr(source)
    outputs = map_rows(same, source).collect()
    assert len(outputs) == 5000
    assert outputs[2] == Take("t3", 1.5, 3, False)
    # Endless for any client that fetched it whole.
    endless = read_table(
        server, "select 't' as title from (select generate_series(1, 1000000000000)) as n", Take
    )
    with map_rows(same, endless) as results:
        assert next(iter(results)).output == Take("t")


def test_postgresql_errors_say_no_password_and_nothing_is_written(server: str) -> None:
    for query, said in (
        ("select * from nowhere", "nowhere"),
        ("delete from pg_class returning relname", "read-only|syntax"),
    ):
        with pytest.raises(StoreError, match=said) as caught:
            takes(read_table(server, query, Take))
        assert "hunter2" not in str(caught.value)


def test_rows_from_a_file_are_decoded_by_the_workers(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text("".join(f'{{"pitch":{i}}}\n' for i in range(500)) + '{"pitch":"x"}\n')
    results = map_rows(steps.up, read_jsonl(path, Note), workers=2)
    assert [output.pitch for output in results.outputs()] == list(range(1, 501))
    assert [error.index for error in results.errors] == [500]
