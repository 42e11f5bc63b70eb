"""Plans without a language model: for grooves, for corpora, and for sentences that name blocks.

Deterministic, and honest: what is not understood is said, never guessed.
"""

from __future__ import annotations

import re
from typing import Any, Final

from conduit.agents.offline.clauses import read_plan
from conduit.agents.offline.intent import Answer, Beyond, ChangeSaved, Help, MakeSound, Question
from conduit.agents.offline.steps import all_steps
from conduit.agents.planning.names import BlockNames
from conduit.agents.planning.steps import MOST_STEPS, PlannedStep
from conduit.blocks import Catalog, loads
from conduit.contracts.errors import MalformedJson, Unavailable
from conduit.mdl import values

_LONGEST: Final = 20_000
_LONGEST_ARGUMENTS: Final = 20_000
_NAME: Final = re.compile(r"(?<![\w.])[a-z][a-zA-Z0-9_]*(?:\.[a-z][a-zA-Z0-9_]*)+(?!\w)")
_PAIR: Final = re.compile(
    r"\s*,?\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*[=:]\s*"
    r"(\"(?:[^\"\\]|\\.){0,2000}\"|'[^']{0,2000}'|[^\s,;()\"']{1,2000})"
)
_BEFORE: Final = re.compile(r"\s*\(?\s*(?:with\s+)?")
_CORPUS: Final = re.compile(
    r"\b(?P<verb>summari[sz]e|analy[sz]e|read|show|get)\s+(?:the\s+)?corpus\s+"
    r"[\"“'`]?(?P<id>[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?:\.[A-Za-z0-9_-]{1,63})*)",
    re.IGNORECASE,
)
_CONNECT: Final = "connect a language model, or name blocks: groove.render(style=dub, bars=8)"


def plan_by_rules(
    objective: str, catalog: Catalog, names: BlockNames
) -> tuple[tuple[PlannedStep, ...], str]:
    """The steps, and a note about them. Raises ``Unavailable`` for what is not understood."""
    text = objective[:_LONGEST]
    steps = _named(text, names) or _about_corpus(text, names)
    note = ""
    if not steps:
        steps, note = _about_grooves(text, catalog)
    if not steps:
        raise Unavailable(
            f"the offline agent has no plan for this{': ' if note else ''}{note}", hint=_CONNECT
        )
    if len(steps) > MOST_STEPS:
        raise Unavailable(f"the plan has more than {MOST_STEPS} steps", hint="ask for less at once")
    return tuple(steps), note


def _named(text: str, names: BlockNames) -> list[PlannedStep]:
    """The blocks that a sentence names, in that order, with the arguments behind each."""
    steps: list[PlannedStep] = []
    found = [each for each in _NAME.finditer(text) if names.known(each.group())]
    for at, name in enumerate(found):
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        said = text[name.end() : min(end, name.end() + _LONGEST_ARGUMENTS)]
        block = names.block_of(name.group())
        arguments = names.arguments_for(name.group(), _arguments(said))
        steps.append(PlannedStep(block, arguments))
    return steps


def _arguments(said: str) -> dict[str, Any]:
    """``{"bars": 8}`` or ``(style=dub, bars=8)``, or ``with style=dub``."""
    text = _BEFORE.sub("", said, count=1)
    if text.startswith("{"):
        value = next((each.value for each in values(text)), None)
        return value if isinstance(value, dict) else {}
    found: dict[str, Any] = {}
    at = 0
    while pair := _PAIR.match(text, at):
        found[pair[1]] = _value(pair[2])
        at = pair.end()
    return found


def _value(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1]
    try:
        return loads(text)
    except MalformedJson:
        return text


def _about_corpus(text: str, names: BlockNames) -> list[PlannedStep]:
    """``summarize corpus fc-main``."""
    asked = _CORPUS.search(text)
    if asked is None:
        return []
    wanted = ["persist.getCorpus"]
    if asked["verb"].lower().startswith(("summari", "analy")):
        wanted.append("analytics.summarize")
    if not all(map(names.known, wanted)):
        return []
    return [
        PlannedStep(names.block_of(name), names.arguments_for(name, {"corpusId": asked["id"]}))
        for name in wanted
    ]


def _about_grooves(text: str, catalog: Catalog) -> tuple[list[PlannedStep], str]:
    """What the offline agent would do with the sentence."""
    intents = read_plan(text)
    unsaid = [said for intent in intents if (said := _cannot(intent))]
    if unsaid:
        return [], unsaid[0]
    known = {each.name.replace(".", "_"): each.name for each in catalog}
    steps: list[PlannedStep] = []
    for step in all_steps(intents, ()):
        if step.tool not in known:
            return [], f"{step.tool} is not there"
        steps.append(PlannedStep(known[step.tool], dict(step.arguments)))
    if steps and any(isinstance(each, MakeSound) for each in intents):
        if "audio_render" not in known:
            return [], "audio_render is not there"
        made = f"${{steps[{len(steps) - 1}].output.midi.id}}"
        steps.append(PlannedStep(known["audio_render"], {"file_id": made}))
    remarks = [remark for intent in intents for remark in getattr(intent, "remarks", ())]
    return steps, " ".join(remarks)


def _cannot(intent: object) -> str:
    """Why an intent is no step that could be written down beforehand."""
    match intent:
        case Beyond(what, enable):
            return f"I can't do {what}. What would enable it: {enable}."
        case ChangeSaved(name):
            return f"what {name} holds must be read before it can be changed"
        case Answer() | Question() | Help():
            return "it names no block, and asks for no groove"
    return ""
