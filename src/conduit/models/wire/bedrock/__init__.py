"""Amazon Bedrock: the Converse API of its runtime, and embeddings of Titan and Cohere.

Shapes: the API reference of ``Converse``, ``ConverseStream`` and ``InvokeModel`` (2023-09-30). The
model, an id or an ARN, stands in the path. Requests are signed (Signature Version 4), or carry a
Bedrock API key; the region is the provider's option ``region``, or part of its address.

Tools cannot be forbidden once they have been used, pictures have no address but in S3, and there is
no seed, no penalty, no log probability and no JSON without a schema: what is asked for and has no
place is named in ``dropped``. ``additionalModelRequestFields`` holds what only some models take.
"""

from __future__ import annotations

from conduit.models.exchange import Embedding, Listing, Wire
from conduit.models.wire.bedrock.access import authorize, sign
from conduit.models.wire.bedrock.embedding import decode_embedding, encode_embedding
from conduit.models.wire.bedrock.reply import decode
from conduit.models.wire.bedrock.request import encode
from conduit.models.wire.bedrock.stream import BedrockStream

__all__ = ["BEDROCK", "BedrockStream", "authorize", "decode", "encode", "sign"]

BEDROCK = Wire(
    "bedrock",
    "eventstream",
    encode,
    decode,
    BedrockStream,
    authorize,
    Listing("/foundation-models", "modelSummaries", "modelId"),
    embedding=Embedding(encode_embedding, decode_embedding),
    sign=sign,
)
