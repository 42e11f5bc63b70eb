"""Reading what a corpus holds now: the newest version of each baseline, then the reflections."""

from __future__ import annotations

from typing import Final

from conduit.corpora.patterns import Text
from conduit.store.corpora import Corpora
from conduit.store.segments import BASELINE, REFLECTION, Source

MOST_CHARACTERS: Final = 4_000_000
"""That are looked at together."""
_PAGE: Final = 200


def read_texts(corpora: Corpora, org_id: str, corpus_id: str) -> tuple[list[Text], bool]:
    """The texts, and whether these are all: what would be more than ``MOST_CHARACTERS`` together is
    left out. Raises ``NotFound`` and ``StoreError``."""
    texts: list[Text] = []
    left, whole = MOST_CHARACTERS, True
    for head in corpora.baselines(org_id, corpus_id):
        if head.characters > left:
            whole = False
            continue
        found = corpora.read(org_id, corpus_id, head.baseline_id, head.version)
        texts.append(Text(Source(BASELINE, found.baseline_id, found.version), found.content))
        left -= head.characters
    before = ""
    while page := corpora.reflections(org_id, corpus_id, before=before, most=_PAGE):
        for each in page:
            if each.characters > left:
                return texts, False
            texts.append(Text(Source(REFLECTION, each.id, 1), each.content))
            left -= each.characters
        before = page[-1].id
    return texts, whole
