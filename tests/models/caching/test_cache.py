"""The cache as the gateway uses it."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import ChatRequest, Image, Message, ProviderFailure, ToolSpec
from conduit.contracts.errors import ConfigError, InvalidInput, NotFound
from conduit.models.asked import Asked
from conduit.models.caching.cache import Cache, Hit, Miss, Question
from conduit.models.caching.entry import Raw
from conduit.models.caching.lexical import embed_all
from conduit.models.caching.settings import CacheSettings, ExactSettings, SemanticSettings
from tests.models.caching.questions import (
    SECRET,
    Hands,
    answer,
    bodies,
    names,
    passed_on,
    question,
)

EXACT = CacheSettings(exact=ExactSettings(enabled=True), wait_s=60.0)
BOTH = replace(EXACT, semantic=SemanticSettings(enabled=True, threshold=0.9))


def cache(settings: CacheSettings = EXACT, **more) -> Cache:
    return Cache(settings, SECRET, **more)


async def missed(of: Cache, asked: Question) -> Miss:
    found = await of.lookup(asked)
    assert isinstance(found, Miss)
    return found


async def put(of: Cache, asked: Question, said: str = "said", **more) -> bool:
    with await missed(of, asked) as miss:
        return await of.store(miss, answer(said, **more))


async def test_the_same_again_is_answered_from_memory() -> None:
    clock = Hands()
    kept = cache(clock=clock, now=clock)
    miss = await missed(kept, question())
    assert miss.result == "miss"
    assert await kept.store(miss, answer(), Raw(b"{}"))
    clock.now += 5
    hit = await kept.lookup(question())
    assert isinstance(hit, Hit)
    assert (hit.result, hit.age_s, hit.similarity) == ("exact", 5.0, 1.0)
    assert hit.entry.response == answer()
    assert hit.entry.raw == Raw(b"{}")
    clock.now += 3600
    await missed(kept, question())
    stats = kept.stats
    assert (stats.exact, stats.miss, stats.stored, stats.shelf.expired) == (1, 2, 1, 1)


@given(st.lists(st.tuples(bodies, names), min_size=1, max_size=3), names, names)
def test_two_tenants_never_meet(asked, org, stranger) -> None:
    """Whatever both ask, and be it the same, passed on or understood."""
    stranger += "2" if org == stranger else ""

    def questions(tenant: str) -> list[Question]:
        made = []
        for body, text in asked:
            turns = {"messages": [{"role": "user", "content": f"{text} and more words"}]}
            made.append(Question(tenant, "m", passed_on(body | turns)))
            made.append(question(f"{text} and other words", org=tenant))
        return made

    async def run() -> None:
        kept = cache(replace(BOTH, wait_s=0), embed=embed_all)
        for each in questions(org):
            found = await kept.lookup(each)
            assert isinstance(found, Hit) or found.why or await kept.store(found, answer())
        for each in questions(stranger):
            assert isinstance(await kept.lookup(each), Miss)
        for each in questions(org):
            found = await kept.lookup(each)
            assert isinstance(found, Hit) or found.why

    asyncio.run(run())


async def test_off_costs_and_keeps_nothing() -> None:
    kept = cache(CacheSettings())
    assert not kept.on
    miss = await missed(kept, question())
    assert (miss.result, miss.why) == ("off", "")
    with pytest.raises(NotFound, match="no answer is kept"):
        await kept.lookup(question(mode="only"))
    assert not await kept.store(miss, answer())
    assert kept.stats.shelf.entries == 0


async def test_the_ways_to_use_it() -> None:
    kept = cache()
    with pytest.raises(NotFound, match="no answer is kept"):
        await kept.lookup(question(mode="only"))
    assert not await put(kept, question(mode="off"))
    assert await put(kept, question(mode="refresh"), "first")
    hit = await kept.lookup(question(mode="only"))
    assert isinstance(hit, Hit)
    assert hit.entry.response.text == "first"
    assert await put(kept, question(mode="refresh"), "second")
    assert (await missed(kept, question(mode="off"))).result == "off"
    hit = await kept.lookup(question())
    assert isinstance(hit, Hit)
    assert hit.entry.response.text == "second"


async def test_what_may_not_be_cached_is_not() -> None:
    kept = cache(replace(EXACT, request_bytes=100))
    tools = question(tools=(ToolSpec("send", "", {}),))
    miss = await missed(kept, tools)
    assert (miss.result, miss.why) == ("off", "tools")
    assert not await kept.store(miss, answer())
    assert kept.stats.off == 1
    with pytest.raises(NotFound, match=r"tools: such requests are not cached"):
        await kept.lookup(replace(tools, mode="only"))
    assert (await missed(kept, question("x" * 101))).why == "too_large"
    assert (await missed(kept, question("\ud800"))).why == "not_canonical"
    for broken in ("length", "content_filter"):
        assert not await put(kept, question(), finish_reason=broken)
    assert not await put(kept, question(), "\ud800")
    assert not await put(kept, question(), "x" * (EXACT.entry_bytes + 1))
    miss = await missed(kept, question())
    assert not await kept.store(miss, answer(), Raw(b"x" * (EXACT.entry_bytes + 1)))
    stats = kept.stats
    assert (stats.off, stats.refused, stats.stored) == (4, 5, 0)
    assert stats.shelf.entries == 0


async def test_a_tenant_is_forgotten_with_what_is_on_its_way() -> None:
    kept = cache(BOTH, embed=embed_all)
    await put(kept, question("a b c d e"))
    await put(kept, question("a b c d e", org="two"))
    late = await missed(kept, question("late"))
    assert await kept.clear("one") == 1
    assert not await kept.store(late, answer())
    await missed(kept, question("late"))
    await missed(kept, question("a b c d e f"))
    assert isinstance(await kept.lookup(question("a b c d e", org="two")), Hit)


async def test_equal_questions_at_one_time_are_asked_once() -> None:
    kept = cache()
    miss = await missed(kept, question())
    waiting = [asyncio.create_task(kept.lookup(question())) for _ in range(50)]
    other = asyncio.create_task(kept.lookup(question(org="two")))
    await asyncio.sleep(0.01)
    assert isinstance(await other, Miss)
    await kept.store(miss, answer("once"))
    hits = await asyncio.gather(*waiting)
    assert {hit.entry.response.text for hit in hits if isinstance(hit, Hit)} == {"once"}
    assert kept.stats.joined == kept.stats.exact == 50


async def test_who_failed_before_did_not_fail_for_those_who_get_it_again() -> None:
    kept = cache()
    miss = await missed(kept, question())
    waiting = asyncio.create_task(kept.lookup(question()))
    await asyncio.sleep(0.01)
    failures = (ProviderFailure("p", "timed_out", "slow"),)
    await kept.store(miss, answer(failures=failures))
    for hit in (await waiting, await kept.lookup(question())):
        assert isinstance(hit, Hit)
        assert hit.entry.response == answer()


async def test_after_a_failure_the_next_one_asks() -> None:
    kept = cache()
    with await missed(kept, question()):
        waiting = [asyncio.create_task(kept.lookup(question())) for _ in range(3)]
        await asyncio.sleep(0.01)
    await asyncio.wait(waiting, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    done, pending = await asyncio.wait(waiting, timeout=0.05)
    assert (len(done), len(pending)) == (1, 2)
    await kept.store(next(iter(done)).result(), answer())
    assert all(isinstance(each, Hit) for each in await asyncio.gather(*pending))


async def test_after_an_answer_not_for_keeping_all_ask_at_once() -> None:
    kept = cache()
    with await missed(kept, question()) as miss:
        waiting = [asyncio.create_task(kept.lookup(question())) for _ in range(3)]
        await asyncio.sleep(0.01)
        await kept.store(miss, answer(finish_reason="length"))
        assert all(isinstance(each, Miss) for each in await asyncio.gather(*waiting))


async def test_nobody_waits_longer_than_is_configured() -> None:
    kept = cache(replace(EXACT, wait_s=0.02))
    await missed(kept, question())
    assert isinstance(await asyncio.wait_for(kept.lookup(question()), 20), Miss)
    at_once = cache(replace(EXACT, wait_s=0))
    await missed(at_once, question())
    assert isinstance(await asyncio.wait_for(at_once.lookup(question()), 20), Miss)


async def test_a_storm_of_clients_that_leave() -> None:
    kept = cache(BOTH, embed=embed_all)
    chance = random.Random(3)
    asked = 0

    async def request(org: str) -> str:
        nonlocal asked
        found = await kept.lookup(question(org=org))
        if isinstance(found, Hit):
            return found.entry.response.text
        with found:
            asked += 1
            await asyncio.sleep(chance.random() * 0.01)
            if chance.random() < 0.9:
                raise ConnectionError
            await kept.store(found, answer(org))
            return org

    before = len(asyncio.all_tasks())
    tasks = []
    for number in range(2000):
        org = "ab"[number % 2]
        tasks.append((org, asyncio.create_task(request(org))))
        if chance.random() < 0.4:
            chance.choice(tasks[-30:])[1].cancel()
        if chance.random() < 0.05:
            await asyncio.sleep(0.001)
    results = await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)
    for (org, _), result in zip(tasks, results, strict=True):
        assert result == org or isinstance(result, ConnectionError | asyncio.CancelledError)
    assert asked < 500
    assert kept.stats.exact > 500
    assert len(asyncio.all_tasks()) == before
    assert len(kept._flights) == kept._flights.waiting == 0


LONG = "How do I reset my password in the web application of the company?"
LIKE = "How do I reset my password in the web application of the company"
NEAR = "How do I reset my pasword in the web application of the company?"


async def test_a_question_like_an_earlier_one() -> None:
    kept = cache(BOTH, embed=embed_all)
    await put(kept, question(LONG), "so")
    hit = await kept.lookup(question(NEAR))
    assert isinstance(hit, Hit)
    assert hit.result == "semantic"
    assert hit.entry.response.text == "so"
    assert 0.9 <= hit.similarity < 1
    hit = await kept.lookup(question(LIKE, mode="only"))
    assert isinstance(hit, Hit)
    assert hit.similarity == pytest.approx(1.0)
    await missed(kept, question("Compose eight bars of dub techno"))
    await missed(kept, question(NEAR, temperature=0.5))
    await missed(kept, question(NEAR, route="other"))
    await missed(kept, question(NEAR, org="two"))
    assert (kept.stats.semantic, kept.stats.exact) == (2, 0)


async def test_another_number_is_another_question() -> None:
    kept = cache(BOTH, embed=embed_all)
    text = "Is it allowed to transfer {} euros to Anna from my savings account today?"
    await put(kept, question(text.format(100)))
    await missed(kept, question(text.format(1000)))
    assert isinstance(await kept.lookup(question(text.format(100) + "?")), Hit)


async def test_who_waits_gets_what_is_like_too() -> None:
    gate = asyncio.Event()

    async def slowly(texts):
        await gate.wait()
        return await embed_all(texts)

    kept = cache(BOTH, embed=slowly)
    gate.set()
    await put(kept, question(LONG))
    gate.clear()
    waiting = [asyncio.create_task(kept.lookup(question(NEAR))) for _ in range(5)]
    await asyncio.sleep(0.01)
    gate.set()
    results = [hit.result for hit in await asyncio.gather(*waiting) if isinstance(hit, Hit)]
    assert results == ["semantic"] + ["exact"] * 4
    gate.clear()
    first = asyncio.create_task(kept.lookup(question("Something else altogether")))
    second = asyncio.create_task(kept.lookup(question("Something else altogether")))
    await asyncio.sleep(0.01)
    first.cancel()
    gate.set()
    assert isinstance(await asyncio.wait_for(second, 20), Miss)


async def test_pictures_and_tools_are_never_compared() -> None:
    kept = cache(
        replace(BOTH, safe_tools=frozenset({"look"})),
        embed=embed_all,
    )
    picture = ChatRequest((Message("user", LONG, parts=(Image(url="u"),)),))
    for asked in (
        Question("one", "m", Asked.of(picture, stream=False)),
        question(LONG, tools=(ToolSpec("look", "", {}),)),
    ):
        assert await put(kept, asked)
        assert isinstance(await kept.lookup(asked), Hit)
    near = ChatRequest((Message("user", NEAR, parts=(Image(url="u"),)),))
    await missed(kept, Question("one", "m", Asked.of(near, stream=False)))
    await missed(kept, question(NEAR, tools=(ToolSpec("look", "", {}),)))


@pytest.mark.parametrize("fault", ["raise", "none", "two", "nan", "hang"])
async def test_an_embedder_that_fails_is_a_miss(fault, caplog, monkeypatch) -> None:
    monkeypatch.setattr("conduit.models.caching.likeness.EMBED_S", 0.02)

    async def failing(texts):
        if fault == "raise":
            raise RuntimeError("sk-secret")
        if fault == "hang":
            await asyncio.sleep(60)
        return {"none": [], "two": [[1.0], [1.0]], "nan": [[float("nan")]]}[fault]

    kept = cache(BOTH, embed=failing, clock=Hands())
    for number in range(20):
        assert await put(kept, question(f"number {number}"))
    assert kept.stats.embedding_errors == (20 if fault == "nan" else 3)
    assert len(caplog.records) == (0 if fault == "nan" else 1)
    assert "sk-secret" not in caplog.text
    assert len(kept._flights) == 0


async def test_a_request_that_only_the_provider_understands_is_no_error() -> None:
    def read(body):
        raise InvalidInput("no")

    kept = cache(BOTH, embed=embed_all)
    asked = Question("one", "m", Asked("openai_chat", {"new": 1}, read, stream=False))
    assert await put(kept, asked)
    assert isinstance(await kept.lookup(asked), Hit)


async def test_an_answer_asked_for_anew_is_found_by_what_is_like_it() -> None:
    kept = cache(BOTH, embed=embed_all)
    await put(kept, question(LONG, mode="refresh"))
    assert isinstance(await kept.lookup(question(NEAR)), Hit)


def test_nothing_is_imported_before_it_is_needed() -> None:
    program = """
import asyncio, sys
from tests.models.caching.test_cache import EXACT, SECRET, answer, question
for name in ("numpy", "redis"):
    sys.modules.pop(name, None)
from conduit.models.caching.cache import Cache
async def main():
    cache = Cache(EXACT, SECRET)
    await cache.store(await cache.lookup(question()), answer())
    await cache.lookup(question())
asyncio.run(main())
assert not {"numpy", "redis"} & set(sys.modules), "imported too early"
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


async def test_semantic_alone() -> None:
    kept = cache(replace(BOTH, exact=ExactSettings()), embed=embed_all)
    await put(kept, question(LONG))
    assert [(await kept.lookup(question(each))).result for each in (LONG, NEAR)] == ["semantic"] * 2
    with pytest.raises(ConfigError, match="nothing to compare"):
        cache(BOTH)
