"""Usage as blocks: what was spent on which model, and the newest requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Protocol

from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.contracts.errors import Forbidden, InvalidInput
from conduit.contracts.usage import Spent, SpentBy, UsageRecord

_PERMISSION: Final = "usage.read"


class Ledger(Protocol):
    """Where usage is kept (``store.usage``)."""

    def spent(
        self, org_id: str, since_ms: int = 0, until_ms: int | None = None, by: SpentBy = "model"
    ) -> list[Spent]: ...

    def recent(self, org_id: str, limit: int = 50, before: str = "") -> list[UsageRecord]: ...


@dataclass(frozen=True, slots=True)
class UsageQuestion:
    """What to sum up, and over which time: from ``since`` to before ``until``."""

    by: Literal["model", "provider", "subject", "day"] = "model"
    since: Annotated[str, Length(0, 40), "2026-01-31, a time with its zone; empty: all"] = ""
    until: Annotated[str, Length(0, 40), "2026-02-01, a time with its zone; empty: now"] = ""
    org_id: Annotated[str, Length(0, 36), "an organisation; empty: that of whoever asks"] = ""


@dataclass(frozen=True, slots=True)
class UsageSummary:
    """Rows of ``by``, the dearest first, days in their order, and what they come to."""

    by: str
    rows: tuple[Spent, ...]
    total: Spent


@dataclass(frozen=True, slots=True)
class RecentQuestion:
    """A page of requests; ``before`` is the id of the last one of the page before."""

    limit: Annotated[int, Range(1, 1000)] = 50
    before: Annotated[str, Length(0, 64)] = ""


@dataclass(frozen=True, slots=True)
class RecentUsage:
    """Requests to language models, newest first."""

    records: tuple[UsageRecord, ...]


def usage_blocks(ledger: Ledger) -> tuple[Block[Any, Any], ...]:
    """``usage.*``: of the organisation that asks. What was used in the last second or two may not
    be in it yet."""

    @block(
        "usage.summary",
        summary="Sum up what language models were used for and cost",
        permission=_PERMISSION,
        effects=Effects.READS,
    )
    def summary(question: UsageQuestion) -> UsageSummary:
        org = _organisation(question.org_id)
        since = moment(question.since, "since") or 0
        until = moment(question.until, "until")
        rows = ledger.spent(org, since, until, question.by)
        return UsageSummary(question.by, tuple(rows), _total(rows))

    @block(
        "usage.recent",
        summary="List the newest requests to language models",
        permission=_PERMISSION,
        effects=Effects.READS,
    )
    def recent(question: RecentQuestion) -> RecentUsage:
        org = current_call().principal.org_id
        return RecentUsage(tuple(ledger.recent(org, question.limit, question.before)))

    return summary, recent


def _organisation(asked: str) -> str:
    """Whose usage is told: the person at the machine may see everybody's. Raises ``Forbidden``."""
    principal = current_call().principal
    if asked in ("", principal.org_id) or "**" in principal.permissions:
        return asked or principal.org_id
    raise Forbidden(
        "the usage of another organisation is not yours to see",
        where="org_id",
        hint="leave it out for your own",
    )


def moment(text: str, field: str) -> int | None:
    """Unix milliseconds of an ISO 8601 date or time, UTC where it names no zone; None if empty.

    Raises ``InvalidInput`` that names the field.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return max(0, int(found.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text!r} is no date or time",
            where=field,
            hint="write it like 2026-01-31 or 2026-01-31T12:00:00+01:00",
        ) from None


def _total(rows: Sequence[Spent]) -> Spent:
    def of(name: str) -> int:
        return sum(getattr(row, name) for row in rows)

    votes = of("votes")
    agreed = sum(row.votes * (row.agreement or 0.0) for row in rows)
    return Spent(
        "",
        of("requests"),
        of("failed"),
        of("left"),
        of("input_tokens"),
        of("output_tokens"),
        of("cached_tokens"),
        of("cache_write_tokens"),
        of("reasoning_tokens"),
        of("cost_micro"),
        of("estimated"),
        of("unpriced"),
        votes,
        agreed / votes if votes else None,
    )
