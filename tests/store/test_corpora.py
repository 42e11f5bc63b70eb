"""Corpora: versions that no two writers share, reflections, and organisations kept apart."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from conduit.contracts.errors import Conflict, NotFound, StoreError
from conduit.store.corpora import Corpora
from conduit.store.database import Database
from conduit.telemetry.ids import IdMaker
from tests.store.conftest import DEFAULT_ORG, OTHER_ORG


@pytest.fixture
def corpora(database: Database) -> Corpora:
    return Corpora(database, IdMaker())


def test_a_corpus_is_made_once(corpora: Corpora) -> None:
    made = corpora.create(DEFAULT_ORG, "c", "some-model")
    assert (made.id, made.model, made.baselines, made.characters) == ("c", "some-model", 0, 0)
    with pytest.raises(Conflict):
        corpora.create(DEFAULT_ORG, "c", "")
    assert corpora.get(DEFAULT_ORG, "c").model == "some-model"


def test_the_first_baseline_or_reflection_makes_the_corpus(corpora: Corpora) -> None:
    corpora.put(DEFAULT_ORG, "a", "one", "text")
    corpora.reflect(DEFAULT_ORG, "b", "insight")
    assert [each.id for each in corpora.list(DEFAULT_ORG)] == ["a", "b"]


def test_another_content_is_another_version_and_the_same_is_none(corpora: Corpora) -> None:
    first, new = corpora.put(DEFAULT_ORG, "c", "one", "text")
    assert (first.version, new) == (1, True)
    again, new = corpora.put(DEFAULT_ORG, "c", "one", "text")
    assert (again.version, again.digest, new) == (1, first.digest, False)
    second, new = corpora.put(DEFAULT_ORG, "c", "one", "text!")
    assert (second.version, new) == (2, True)
    third, new = corpora.put(DEFAULT_ORG, "c", "one", "text")  # back again is a change too
    assert (third.version, third.digest, new) == (3, first.digest, True)
    assert [v.version for v in corpora.versions(DEFAULT_ORG, "c", "one")] == [1, 2, 3]
    assert corpora.read(DEFAULT_ORG, "c", "one").content == "text"
    assert corpora.read(DEFAULT_ORG, "c", "one", 2).content == "text!"


def test_counts_are_of_what_is_there(corpora: Corpora) -> None:
    corpora.put(DEFAULT_ORG, "c", "one", "12345")
    corpora.put(DEFAULT_ORG, "c", "one", "123")
    corpora.put(DEFAULT_ORG, "c", "two", "1234567")
    corpora.reflect(DEFAULT_ORG, "c", "12")
    corpora.put(DEFAULT_ORG, "d", "one", "1")
    found = corpora.get(DEFAULT_ORG, "c")
    counted = (found.baselines, found.versions, found.reflections, found.characters)
    assert counted == (2, 3, 1, 3 + 7 + 2)
    assert [(c.id, c.baselines) for c in corpora.list(DEFAULT_ORG)] == [("c", 2), ("d", 1)]
    heads = [(each.baseline_id, each.version) for each in corpora.baselines(DEFAULT_ORG, "c")]
    assert heads == [("one", 2), ("two", 1)]


def test_every_change_gives_another_stamp_and_reading_none(corpora: Corpora) -> None:
    stamps = [corpora.create(DEFAULT_ORG, "c", "").stamp]
    corpora.put(DEFAULT_ORG, "c", "one", "text")
    stamps.append(corpora.peek(DEFAULT_ORG, "c").stamp)
    corpora.put(DEFAULT_ORG, "c", "one", "text")
    assert corpora.peek(DEFAULT_ORG, "c").stamp == stamps[-1]
    corpora.reflect(DEFAULT_ORG, "c", "insight")
    stamps.append(corpora.peek(DEFAULT_ORG, "c").stamp)
    corpora.set_model(DEFAULT_ORG, "c", "other")
    stamps.append(corpora.peek(DEFAULT_ORG, "c").stamp)
    assert len(set(stamps)) == 4


def test_organisations_do_not_see_each_other(corpora: Corpora) -> None:
    corpora.put(DEFAULT_ORG, "c", "one", "ours")
    corpora.put(OTHER_ORG, "c", "one", "theirs")
    corpora.put(OTHER_ORG, "d", "one", "theirs")
    reflection = corpora.reflect(OTHER_ORG, "c", "insight")
    assert corpora.read(DEFAULT_ORG, "c", "one").content == "ours"
    assert [each.id for each in corpora.list(DEFAULT_ORG)] == ["c"]
    assert corpora.reflections(DEFAULT_ORG, "c") == ()
    with pytest.raises(NotFound):
        corpora.reflection(DEFAULT_ORG, "c", reflection.id)
    with pytest.raises(NotFound):
        corpora.get(DEFAULT_ORG, "d")
    with pytest.raises(NotFound):
        corpora.delete(DEFAULT_ORG, "d")
    corpora.delete(DEFAULT_ORG, "c")
    assert corpora.read(OTHER_ORG, "c", "one").content == "theirs"


def test_what_is_not_there_is_said(corpora: Corpora) -> None:
    corpora.put(DEFAULT_ORG, "c", "one", "text")
    for asked in (
        lambda: corpora.get(DEFAULT_ORG, "none"),
        lambda: corpora.baselines(DEFAULT_ORG, "none"),
        lambda: corpora.versions(DEFAULT_ORG, "c", "none"),
        lambda: corpora.read(DEFAULT_ORG, "c", "none"),
        lambda: corpora.read(DEFAULT_ORG, "c", "one", 2),
        lambda: corpora.read(DEFAULT_ORG, "none", "one"),
        lambda: corpora.reflections(DEFAULT_ORG, "none"),
        lambda: corpora.set_model(DEFAULT_ORG, "none", ""),
        lambda: corpora.delete(DEFAULT_ORG, "none"),
    ):
        with pytest.raises(NotFound) as error:
            asked()
        assert "no" in error.value.message


def test_deleting_takes_all_with_it(corpora: Corpora) -> None:
    corpora.put(DEFAULT_ORG, "c", "one", "text")
    corpora.reflect(DEFAULT_ORG, "c", "insight")
    corpora.delete(DEFAULT_ORG, "c")
    assert corpora.list(DEFAULT_ORG) == ()
    assert corpora.put(DEFAULT_ORG, "c", "one", "anew")[0].version == 1
    assert corpora.reflections(DEFAULT_ORG, "c") == ()


def test_an_unknown_organisation_is_refused(corpora: Corpora) -> None:
    with pytest.raises(StoreError):
        corpora.put("nobody", "c", "one", "text")


def test_reflections_come_in_pages_newest_first(corpora: Corpora) -> None:
    made = [corpora.reflect(DEFAULT_ORG, "c", f"r{number}") for number in range(7)]
    page = corpora.reflections(DEFAULT_ORG, "c", most=3)
    assert [each.content for each in page] == ["r6", "r5", "r4"]
    rest = corpora.reflections(DEFAULT_ORG, "c", before=page[-1].id)
    assert [each.content for each in rest] == ["r3", "r2", "r1", "r0"]
    assert corpora.reflection(DEFAULT_ORG, "c", made[2].id).content == "r2"


HOSTILE = {
    "one letter": "x" * 1_000_000,
    "emoji": "👩‍👩‍👧‍👦🥁" * 1000,
    "right to left": "שלום עולם\u202e مرحبا",
    "not storable": "a\0b\ud800c",
    "empty": "",
    "blanks": " \n\t\u2028" * 100,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_text_is_kept_as_it_is_but_for_what_no_database_holds(
    corpora: Corpora, text: str
) -> None:
    corpora.put(DEFAULT_ORG, "c", "one", text)
    kept = text.replace("\0", "\N{REPLACEMENT CHARACTER}").replace("\ud800", "�")
    found = corpora.read(DEFAULT_ORG, "c", "one")
    assert (found.content, found.characters) == (kept, len(kept))
    assert corpora.put(DEFAULT_ORG, "c", "one", text)[1] is False
    assert corpora.reflect(DEFAULT_ORG, "c", text).content == kept


def test_writers_at_once_each_get_a_version_of_their_own(corpora: Corpora) -> None:
    with ThreadPoolExecutor(8) as pool:
        puts = pool.map(
            lambda n: corpora.put(DEFAULT_ORG, "c", "one", f"text {n}")[0].version, range(40)
        )
        given = list(puts)
    assert sorted(given) == list(range(1, 41))
    stored = {corpora.read(DEFAULT_ORG, "c", "one", version).content for version in range(1, 41)}
    assert stored == {f"text {n}" for n in range(40)}


def test_writers_at_once_of_the_same_text_make_one_version(corpora: Corpora) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: corpora.put(DEFAULT_ORG, "c", "one", "text"), range(16)))
    assert {version.version for version, _ in made} == {1}
    assert sum(new for _, new in made) == 1


_WRITER = """
import sys
from conduit.store.corpora import Corpora
from conduit.store.database import Database
from conduit.telemetry.ids import IdMaker
uri, org, name = sys.argv[1:]
corpora = Corpora(Database(uri), IdMaker())
for number in range(1000):
    version = corpora.put(org, "c", "one", f"{name} {number}")[0].version
    print(version, flush=True)
"""


def test_what_put_returned_from_survives_a_kill_of_two_writers(uri: str) -> None:
    """Two processes write one baseline until they are killed; no version is shared or lost."""
    with closing(Database(uri)) as database:
        assert database.engine
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", _WRITER, uri, DEFAULT_ORG, name],
                stdout=subprocess.PIPE,
                text=True,
            )
            for name in ("a", "b")
        ]
        told = []
        for writer in writers:
            assert writer.stdout is not None
            told += [int(writer.stdout.readline()) for _ in range(10)]
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            said = writer.communicate()[0]
            told += [int(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]
        corpora = Corpora(database, IdMaker())
        kept = [v.version for v in corpora.versions(DEFAULT_ORG, "c", "one")]
    assert len(set(told)) == len(told)
    assert kept == list(range(1, len(kept) + 1))
    assert set(told) <= set(kept)
