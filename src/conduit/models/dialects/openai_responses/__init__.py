"""OpenAI's Responses, as clients speak them to us.

Source of the shapes: the published API reference of ``POST /v1/responses`` and of its events.
Nothing is kept between requests: a client sends the whole conversation each time, as it must with
``store: false``.
"""

from __future__ import annotations

from conduit.models.dialects.dialect import Dialect
from conduit.models.dialects.openai_errors import error_body
from conduit.models.dialects.openai_responses.read import read, streams
from conduit.models.dialects.openai_responses.stream import EventWriter
from conduit.models.dialects.openai_responses.write import write

OPENAI_RESPONSES = Dialect(
    "openai_responses", "/v1/responses", "sse", streams, read, write, EventWriter, error_body
)

__all__ = ["OPENAI_RESPONSES", "EventWriter", "read", "streams", "write"]
