"""The web's blocks: ``web.search`` and ``web.page``."""

from __future__ import annotations

from typing import Any

from conduit.blocks import Block
from conduit.blocks.utility.addresses import Reach
from conduit.tools.web.page import Loader
from conduit.tools.web.page_block import page_block
from conduit.tools.web.search.block import search_block
from conduit.tools.web.search.searcher import Searcher


def web_blocks(searcher: Searcher, hosts: Reach) -> tuple[Block[Any, Any], ...]:
    """Both of them. ``hosts`` are those that pages may come from."""
    return search_block(searcher), page_block(Loader(hosts))
