"""Names of corpora and baselines, and how much text each may hold.

The fields of these blocks are spelt as their published addresses spell them: ``corpusId``,
``baselineId``.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from conduit.blocks import Length
from conduit.contracts.errors import InvalidInput, TooLarge

MOST_BYTES: Final = 8_000_000
"""UTF-8 of one baseline."""
MOST_REFLECTION: Final = 100_000
"""Characters."""

_NAME: Final = re.compile(r"\w[\w.:@+-]{0,127}")

CorpusId = Annotated[str, Length(1, 128), "name of the corpus"]
BaselineId = Annotated[str, Length(1, 128), "name of the baseline"]
ModelName = Annotated[str, Length(0, 200), "for embeddings; empty: built in, without meaning"]


def require_name(field: str, name: str) -> None:
    """Raises ``InvalidInput`` for what cannot stand in an address."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} cannot be a name",
            where=field,
            hint="letters, digits and _ . : @ + -, a letter or digit first, 128 at most",
        )


def require_size(content: str) -> None:
    """Raises ``TooLarge``."""
    size = len(content.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise TooLarge(
            f"the content has {size:,} bytes, and {MOST_BYTES:,} are allowed",
            where="content",
            hint="divide it into several baselines",
        )
