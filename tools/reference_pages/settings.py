"""``settings.md``: the variables that Conduit reads. One that is read but not told here fails."""

from __future__ import annotations

import re
from pathlib import Path

import conduit
from conduit.app.settings import (
    DEFAULT_CONFIGS_DIR,
    DEFAULT_DB_URI,
    DEFAULT_OUT_DIR,
    LOG_LEVELS,
)
from conduit.store.home import DEFAULT_HOME
from reference_pages.markdown import code, table

READ = re.compile(r"""["'](CONDUIT_[A-Z0-9_]+)["']""")

VARIABLES = {
    "CONDUIT_HOME": (
        DEFAULT_HOME,
        "Folder of the state that is not in the database: files, system prompts, `providers.yaml`, "
        "`access.yaml`",
    ),
    "CONDUIT_DB_URI": (
        DEFAULT_DB_URI,
        "The database: `sqlite:///path` or `postgresql://user:password@host/name`. "
        "A relative path counts from the folder that Conduit is started in",
    ),
    "CONDUIT_API_KEY": (
        "",
        "Key that `conduit providers add` registers, so that it stays out of the shell's history",
    ),
    "CONDUIT_CONFIGS_DIR": (
        DEFAULT_CONFIGS_DIR,
        "Folder of the configs that tools keep. With the next one, all that tools may read and "
        "write unless `access.yaml` allows more. A relative path counts from the folder that "
        "Conduit is started in",
    ),
    "CONDUIT_OUT_DIR": (DEFAULT_OUT_DIR, "Folder that tools render MIDI and JSON to"),
    "CONDUIT_KEEP_RUNS_DAYS": (
        "0",
        "Days after which `conduit up` forgets runs that are over, with their steps; 0 keeps them "
        "for ever",
    ),
    "CONDUIT_KEEP_USAGE_DAYS": (
        "0",
        "The same of usage, 31 at least: budgets are compared with what a month cost",
    ),
    "CONDUIT_LM_BASE_URL": (
        "",
        "An OpenAI-compatible server that `LMLiteBlock` asks, like `http://127.0.0.1:8000/v1`; "
        "without it, a configured provider that offers the model",
    ),
    "CONDUIT_LM_API_KEY": ("", "Its key, where it wants one"),
    "CONDUIT_LM_MODEL": (
        "",
        "What that server calls the model: one name for all, or `id=name` separated by commas; "
        "without it, the model's own id",
    ),
    "CONDUIT_FLEX_KEY": (
        "",
        "Key with which the bridge for MIDI 2.0 fetches its tokens; `flex.yaml` can name another "
        "variable",
    ),
    "CONDUIT_OSC_KEY": ("", "The same for the bridge for OSC"),
    "CONDUIT_OSC_PORT": (
        "",
        "UDP port at which `conduit up` serves OSC, as with `--osc-port`; without it, and without "
        "`--osc`, it serves none. What follows is for that bridge",
    ),
    "CONDUIT_OSC_TCP_PORT": ("", "Port of TCP, where OSC is to be served over TCP as well"),
    "CONDUIT_OSC_MAY": (
        "",
        "What may be asked for over OSC, as names of intents with commas between, such as "
        "`agent.ask,groove.*`; without it, the intents of devices, `agent.ask` and `groove.*`",
    ),
    "CONDUIT_OSC_REPLY_PORT": ("0", "Port of the sender that replies go to; 0: the one it has"),
    "CONDUIT_OSC_REPLY_TO": ("", "`ADDRESS:PORT` that all replies over UDP go to"),
    "CONDUIT_OSC_PER_MINUTE": ("600", "Messages that one sender may send in a minute"),
    "CONDUIT_LINK": (
        "no",
        "With `yes` a server joins the Ableton Link session of its networks, as with `--link`",
    ),
    "CONDUIT_USAGE_DURABLE": (
        "no",
        "With `yes` an answer waits until its usage is on the disk, so that a power cut loses none",
    ),
    "CONDUIT_USAGE_DATABASE": (
        "yes",
        "With `no` usage is only written to the journal in `CONDUIT_HOME`, for another process to "
        "bring into the database",
    ),
    "CONDUIT_LOG": ("warning", f"The least that is logged: {', '.join(LOG_LEVELS)}"),
}

INTRO = """\
# Settings

Conduit needs none. Variables of the environment:
"""

OUTRO = """\
Keys of providers are listed with the [kinds of provider](providers.md). Everything else is a
parameter of a [command](command-line.md), or in `CONDUIT_HOME`: `providers.yaml`, and
[`access.yaml`](../guides/access.md).
"""


def read_by_the_code() -> set[str]:
    """Every variable of ours that is named in the code, but for those that are marks."""
    files = Path(conduit.__file__).parent.rglob("*.py")
    named = {name for file in files for name in READ.findall(file.read_text(encoding="utf-8"))}
    return named


def page() -> str:
    if odd := read_by_the_code() ^ set(VARIABLES):
        raise SystemExit(f"the code and {__name__} disagree about {', '.join(sorted(odd))}")
    rows = [(code(name), code(default), says) for name, (default, says) in VARIABLES.items()]
    return f"{INTRO}\n{table(('Variable', 'Default', 'Meaning'), rows)}\n{OUTRO}"
