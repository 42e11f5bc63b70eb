"""What presets are taken from and go to, in memory in place of folders and a database."""

from __future__ import annotations

from collections.abc import Mapping

from conduit.contracts.errors import InvalidInput, StoreError


class KeptOfConversations:
    """By organisation and name."""

    def __init__(self) -> None:
        self.now: dict[tuple[str, str], dict[str, str]] = {}
        self.fails = False

    def kept(self, org_id: str, session: str) -> Mapping[str, str]:
        return dict(self.now.get((org_id, session), {}))

    def require(self, kept: Mapping[str, str]) -> None:
        if "wrong" in kept:
            raise InvalidInput("no conversation has that")

    def fitted(
        self, kept: Mapping[str, str], prompts: Mapping[str, str], preset: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        self.require(kept)
        said = kept.get("says", prompts.get("own", ""))
        if said == prompts.get("own", ""):
            return kept, {}
        return {**kept, "from": f"own-{preset}"}, {f"own-{preset}": said}

    def restore(self, org_id: str, session: str, kept: Mapping[str, str]) -> None:
        if self.fails and kept:
            raise StoreError("the disk is full")
        self.now[org_id, session] = dict(kept)


class PromptTexts:
    """System prompts in memory: what presets are given stands in for a folder of files."""

    def __init__(self, **texts: str) -> None:
        self.kept: dict[str, str] = texts
        self.fails = False

    def texts(self) -> Mapping[str, str]:
        return dict(self.kept)

    def put(self, texts: Mapping[str, str | None]) -> None:
        if self.fails:
            raise StoreError("the disk is full")
        for name, text in texts.items():
            if text is None:
                self.kept.pop(name, None)
            else:
                self.kept[name] = text
