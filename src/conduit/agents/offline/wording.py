"""What producers say in many ways, said in the one way that the readers know.

“Turn the swing down a bit”, “hats off”, “at one thirty two”, “don't make it faster”: only words of
the music are touched, so names of files and of configs never pass through here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from conduit.agents.offline.changes import LAYER
from conduit.agents.offline.reading import TENS, UNITS

_DRUMS = rf"{LAYER}s?(?:\s*(?:,|and)\s*(?:the\s+)?{LAYER}s?)*"
_DIAL = r"(?:swing|shuffle|density|tempo|bpm|speed|ghosts?(?:\s+(?:kicks?|notes?|hits?))?)"
_SHARED = r"(?:swing|density|ghosts?(?:\s+(?:kicks?|notes?|hits?))?)"
_BASS = r"(?:bass(?:[ -]?lines?)?|stabs?|chords?)"
_THING = rf"(?P<what>{_DIAL}|{_BASS}|{_DRUMS})"
_THE = r"(?:the\s+|my\s+|that\s+|those\s+)?"
_SMALL = r"(?P<size>\s+(?:a\s+(?:bit|little|touch|tad|lot)|slightly|much))?"
_TURN = r"(?:turn|switch|take|bring|put|dial|move|push|pull|crank|kick|get|ease)"

_TENS = "|".join(TENS)
_UNITS = "|".join(sorted(UNITS, key=len, reverse=True))
_NINE = "|".join(UNITS[:9])

_NOT: Final = re.compile(
    r"\b(?:do not|don'?t|never|no need to)\s+(?:you\s+|ever\s+|yet\s+)?"
    r"(?P<what>(?:make|change|touch|add|remove|mute|drop|speed|slow|turn|increase|decrease|lower"
    r"|raise|go|rotate|swing|save|render|undo|lose|kill|alter|mess)\b[^,.;!?]*?)"
    r"(?=\s*(?:[,.;!?]|\bbut\b|\bjust\b|\bonly\b|$))"
    r"|\bnot\s+(?P<less>(?:fast|slow|hard|dark|deep|soft|dens|busi|spars|short|long|loos|tight"
    r"|groovi|straight|calm|full)er)\b(?!\s+than)"
)
"""What is not to be done. It is taken out, and said back."""

_TYPOS: Final = re.compile(
    r"\b(?:(?P<hypnotic>h[yi]p(?:noit|nti|not|onti|noti+|noticc)c|hyp?notick?|hipnotic|hypontic)"
    r"|(?P<industrial>indust(?:ir|i|ra|r)al|indsutrial|industriel|indutrial)"
    r"|(?P<minimal>min[ia]?mal|minimla|minimall|miniml|mimimal)"
    r"|(?P<warehouse>wareh?ous|warehosue|wherehouse|wearhouse|ware house)"
    r"|(?P<electro>elec?tor|elektro|electo)|(?P<acid>acc?idd?|aicd)|(?P<schranz>schrans|shranz)"
    r"|(?P<techno>tekk?no|techo|tehcno|tecnho|technno)|(?P<breakbeat>break beat|braekbeat)"
    r"|(?P<faster>fatser|fasetr|fastr|afster|fsater)|(?P<slower>slwoer|sloewr|slowr|solwer)"
    r"|(?P<swing>siwng|swign|swnig|swng|swingg)|(?P<density>denstiy|desnity|densty)"
    r"|(?P<ghost>gohst|ghsot|goast)|(?P<groove>grove|grooove|groov|groeve)"
    r"|(?P<without>wihtout|witout|w/o|withuot)|(?P<another>anohter|anothr|annother)"
    r"|(?P<dub>dubb(?:y|ier|ed)?)|(?P<with>w/|wiht)|(?P<the>teh|hte)|(?P<this>thsi|tihs))(?!\w)"
)
"""Words that are written wrongly often enough, each by what is meant."""

_Rewrite = str | Callable[[re.Match[str]], str]


def _turned(found: re.Match[str]) -> str:
    """“Turn the swing up a bit” as “slightly more swing”."""
    size = {"a lot": "much ", "much": "much "}.get((found["size"] or "").strip(), "a bit ")
    word = "more" if found["way"] in ("up", "higher") else "less"
    return f"{size if found['size'] else ''}{word} {found['what']}"


def _at_its_end(found: re.Match[str]) -> str:
    """“Max swing” and “density to zero” as numbers."""
    what = (found["what"] or found["same"]).split()[0]
    lowest, highest = ("50", "75") if what == "swing" else ("0%", "100%")
    return f"{what} {highest if found['max'] or found['top'] else lowest}"


def _between(found: re.Match[str]) -> str:
    """“128-132 bpm” and “between 120 and 130 bpm” as what is in the middle."""
    ends = [int(each) for each in found.groups() if each]
    return f"{sum(ends) / 2:g}"


def _hundreds(found: re.Match[str]) -> str:
    """“One hundred and thirty two” and “one thirty two” as “132”."""
    tens, units = found["tens"], found["units"]
    more = 10 * (TENS.index(tens) + 2) if tens else 0
    return str(100 + more + (UNITS.index(units) + 1 if units else 0))


_REWRITES: Final[tuple[tuple[re.Pattern[str], _Rewrite], ...]] = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"(?<=\d),(?=\d\s*bpm\b)", "."),
        (r"\b(?:faster|slower|more|less) than (?=\d)", "at "),
        (
            r"(?<![\w.])(?P<low>\d{2,3})\s?[-\u2013]\s?(?P<high>\d{2,3})(?=\s*bpm\b)"
            r"|\bbetween (?P<least>\d{2,3}) and (?P<most>\d{2,3})(?=\s*bpm\b)",
            _between,
        ),
        (
            rf"\b(?:(?:a|one)\s+)?hundred(?:(?:\s+and)?\s+(?P<tens>{_TENS}))?"
            rf"(?:[\s-]+(?:and\s+)?(?P<units>{_NINE}))?\b",
            _hundreds,
        ),
        (rf"\bone[\s-]+(?P<tens>{_TENS})(?:[\s-]+(?P<units>{_NINE}))?\b", _hundreds),
        (
            rf"(?P<before>\b(?:to|at|by|of|seed|swing|density)\s+|@\s*)(?P<tens>{_TENS})(?:[\s-]+(?P<units>{_NINE}))?\b",
            lambda f: f["before"] + str(int(_hundreds(f)) - 100),
        ),
        (
            rf"\b(?P<before>(?:by|seed|rotat\w+|shift)\s+)(?P<units>{_UNITS})\b",
            lambda f: f["before"] + str(UNITS.index(f["units"]) + 1),
        ),
        (
            rf"\b(?:(?P<max>max(?:imum)?|full)|min(?:imum)?|zero)\s+(?P<what>{_SHARED})\b"
            rf"|\b(?P<same>{_SHARED})\s+(?:to\s+|at\s+)?(?:(?:the\s+|its\s+)?"
            r"(?P<top>max(?:imum)?|full)|(?:the\s+|its\s+)?min(?:imum)?|zero)\b",
            _at_its_end,
        ),
        (
            rf"\b(?P<what>{_DIAL})\s+(?:is|are)\s+(?:(?:way|a bit|a little|much|far)\s+)?"
            r"(?:too\s+(?:(?P<down>much|strong|high|heavy|hard|fast)|(?:low|weak|little|subtle|few|slow))"
            r"|not enough)\b",
            lambda f: f"{'less' if f['down'] else 'more'} {f['what']}",
        ),
        (r"\b(?:too little|too few|not enough)\s+(?:of\s+)?(?:the\s+)?", "more "),
        (r"\bnot (?P<how>dense|busy|full) enough\b", r"more \g<how>"),
        (r"\b(?P<how>not swingy enough|too straight)\b", "more swing"),
        (r"\btoo swingy\b", "less swing"),
        (
            rf"\b(?P<what>{_DIAL})\s+(?P<size>a bit|a little|slightly|much|a lot)\s+"
            r"(?P<way>more|less)\b",
            r"\g<size> \g<way> \g<what>",
        ),
        (rf"\b(?:up|bump|push)\s+the\s+(?P<what>{_DIAL})\b(?!\s*(?:up|down|to|by|\d))",
         r"more \g<what>"),
        (r"\b(?:drop|cut)\s+the\s+(?P<what>tempo|bpm|speed|density)\b(?!\s*(?:to|by|down|\d))",
         r"less \g<what>"),
        (r"\b(?:slow|speed)\s+(?:it\s+|this\s+)?(?:down|up)\s+to\s+(?=\d)", "at "),
        (rf"\bstrip(?:ped)?\s+(?:it\s+)?(?:down\s+|back\s+)?to\s+(?:just\s+)?{_THE}"
         rf"(?P<what>{_DRUMS})\b",
         r"only \g<what>"),
        (r"\b(?:bring\s+)?(?:everything|it all|all of it)\s+back\b(?:\s+in)?",
         "bring back everything"),
        (rf"\bbring\s+{_THE}(?P<what>{_BASS}|{_DRUMS})\s+in\b", r"bring back \g<what>"),
        (
            r"\b(?P<verb>rotate|shift)\s+(?P<what>(?:it|(?:the\s+)?\w+)\s+)?(?P<way>left|back|right)\b"
            r"(?!\s*(?:by\s*)?-?\d)",
            r"\g<verb> \g<way> 1",
        ),
        (r"\b(?:(?<!a )bit|(?<!a )little)(?=\s+(?:more|less)\b)", "a bit"),
        (r"\bno more\b(?!\s+than)", "no"),
        (
            r"\b(?:do not|don'?t)\s+(?:want|need|use|play)\b(?:\s+(?:any|the|that|those))?",
            "without",
        ),
        (
            rf"\b(?:mute|kill|remove|drop|cut|lose)\s+(?:everything|all)\s+(?:else\s+)?"
            rf"(?:except|but|apart from|besides)(?:\s+for)?\s+{_THE}(?P<what>{_DRUMS})\b",
            r"only \g<what>",
        ),
        (
            rf"\b(?:everything|all)\s+(?:except|but|apart from|besides|minus)(?:\s+for)?\s+{_THE}"
            rf"(?P<what>{_DRUMS})\b",
            r"without \g<what>",
        ),
        (rf"\bsolo\s+{_THE}(?P<what>{_DRUMS})\b", r"only \g<what>"),
        (rf"\b{_TURN}\s+{_THE}{_THING}\s+(?:off|out)\b", r"no \g<what>"),
        (rf"\b{_TURN}\s+(?:off|out)\s+{_THE}{_THING}\b", r"no \g<what>"),
        (rf"\b{_TURN}\s+{_THE}{_THING}\s+back(?:\s+(?:in|on))?\b", r"bring back \g<what>"),
        (rf"\badd\s+{_THE}(?P<what>{_DRUMS})\s+back(?:\s+in)?\b", r"bring back \g<what>"),
        (rf"\b{_TURN}\s+{_THE}(?P<what>{_DIAL})\s+(?P<way>up|down)\b(?!\s*(?:to|by)\b|\s+\d){_SMALL}",
         _turned),
        (rf"\b{_TURN}\s+(?P<way>up|down)\s+{_THE}(?P<what>{_DIAL})\b(?!\s*(?:to|by)\b|\s+\d){_SMALL}",
         _turned),
        (rf"\bcrank\s+{_THE}(?P<what>{_DIAL})\b(?!\s*to\b|\s+\d)", r"more \g<what>"),
        (
            r"\b(?P<what>swing|shuffle|density|ghosts?(?:\s+(?:kicks?|notes?|hits?))?)\s+"
            rf"(?P<way>up|down|higher|lower)\b(?!\s*(?:to|by)\b|\s+\d){_SMALL}",
            _turned,
        ),
        (rf"(?:^|(?<=[,.;] )){_THE}{_THING}\s+(?:off|out)\b", r"no \g<what>"),
        (rf"(?:^|(?<=[,.;] )){_THE}(?P<what>{_DRUMS})\s+back\b(?:\s+(?:in|on))?",
         r"bring back \g<what>"),
        (
            r"\b(?:remove|kill|drop|lose|mute|cut|take out|delete|leave out)\s+"
            rf"{_THE}(?=(?:ghost|swing\b|shuffle\b))",
            "no ",
        ),
        (r"\bless swingy\b", "less swing"),
        (r"\bmore swingy\b", "more swing"),
        (r"\b(?:un-?)?(?:rotate|shift) back\b|\breset the rotation\b|\bno rotation\b",
         "rotation 0"),
        (r"\b(?P<verb>rotate|shift|offset|nudge)\s+(?P<what>.{0,30}?)\bby\s+an?\s+step\b",
         r"\g<verb> \g<what>by 1"),
        (r"\b(?:offset|nudge)\s+(?=.{0,20}\d)", "rotate "),
        (r"\b(?P<steps>\d{1,2})\s+steps?\s+(?P<way>left|back)\b", r"\g<way> \g<steps>"),
    )
)  # fmt: skip


_PRAISE: Final = re.compile(
    r"^\W*(?:(?:(?:thanks?(?: you)?|thx|cheers|ok(?:ay)?|alright|yes|yeah|yep|hi|hello|hey|yo|moin"
    r"|good (?:morning|evening)|(?:i )?(?:love|like) (?:it|this|that)"
    r"|that'?s (?:it|good|great|nice|perfect|better|fire|dope|sick))\b(?! for\b)"
    r"|(?:nice|perfect|great|cool|awesome|lovely|wow|good|sick|dope|better)(?: one| job)?"
    r"(?=\W*[,.!;:]|\s+(?:and|but|now|then|can|could|please|make|save|store|keep|render|more|less"
    r"|fewer|too|without|with|no|\w+er|another)\b))[\s,.!;:)]*(?:(?:and|but|now|then|so)\b[\s,]*)*)+"
    r"(?=\w)",
    re.IGNORECASE,
)
"""What is said before what is wanted: “great, now faster”, “ok 16 bars”."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A sentence in the words of the readers, and what it says not to do."""

    text: str
    forbidden: tuple[str, ...] = ()


def worded(text: str) -> Wording:
    """``text`` is in small letters, with single spaces."""
    text = text.replace("\u2019", "'").replace("\u2018", "'").replace("\u2212", "-")
    text = _TYPOS.sub(lambda found: found.lastgroup or found[0], text)
    forbidden = tuple(
        (found["what"] or f"make it {found['less']}").strip() for found in _NOT.finditer(text)
    )
    text = _NOT.sub(" ; ", text)
    for pattern, instead in _REWRITES:
        text = pattern.sub(instead, text)
    return Wording(" ".join(text.split()), forbidden)


def behind_praise(prompt: str) -> str:
    """What is wanted where somebody is kind first; empty where nobody is, or wants nothing."""
    begun = prompt.replace("\u2019", "'")
    praised = _PRAISE.match(begun)
    return begun[praised.end() :] if praised else ""
