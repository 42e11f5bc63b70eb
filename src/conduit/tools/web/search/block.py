"""``web.search``: what the web says, through the provider that is set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from conduit.blocks import Block, Effects, Length, Range, block
from conduit.contracts.errors import InvalidInput
from conduit.tools.web.page_block import NOTICE
from conduit.tools.web.search.provider import Hit, Query
from conduit.tools.web.search.searcher import Searcher

NAME: Final = "web.search"


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What to look for."""

    query: Annotated[str, Length(1, 4000), "what to look for, in plain words"]
    count: Annotated[int, Range(1, 20), "results at most"] = 5


@dataclass(frozen=True, slots=True)
class SearchResults:
    """What was found, best first. Some providers also answer: ``[1]`` in ``answer`` means the first
    of ``citations``."""

    query: str
    provider: str
    untrusted: bool
    notice: str
    results: tuple[Hit, ...]
    answer: str = ""
    citations: tuple[str, ...] = ()


def search_block(searcher: Searcher) -> Block[Any, Any]:
    """``web.search``."""

    @block(NAME, summary="Search the web", effects=Effects.NETWORK)
    async def search(data: SearchRequest) -> SearchResults:
        text = " ".join(data.query.split())
        if not text:
            raise InvalidInput("the query is empty", where="query", hint="say what to look for")
        found = await searcher.search(Query(text, data.count))
        return SearchResults(
            query=text,
            provider=searcher.name,
            untrusted=True,
            notice=NOTICE,
            results=found.hits,
            answer=found.answer,
            citations=found.citations,
        )

    return search
