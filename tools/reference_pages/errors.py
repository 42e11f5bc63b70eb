"""``errors.md``: the error tree, from ``conduit.contracts.errors`` and its drawing."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from conduit.contracts import errors
from conduit.contracts.errors import ConduitError
from conduit.surfaces.http.errors import status_of
from reference_pages.markdown import code, table

DRAWN = re.compile(r"^[\s│├└─]*([A-Z]\w+) {2,}(\w+)(?: {2,}(.+))?$", re.MULTILINE)

INTRO = """\
# Errors

Every error that Conduit gives, on every surface, has a stable `code`, a `message` that says what
happened and where, and where there is something to do, a `hint`. Over HTTP:

```json
{
  "error": {
    "code": "not_found",
    "message": "there is no block 'groove.rendr'",
    "hint": "did you mean groove.render?"
  }
}
```

In Python they are exceptions in `conduit.contracts.errors`; a parent catches its children.
"""


def tree(cls: type[ConduitError] = ConduitError) -> Iterator[type[ConduitError]]:
    yield cls
    for child in cls.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def sample(cls: type[ConduitError]) -> ConduitError:
    """An error of that class with nothing in it."""
    empty: dict[str, Any] = {"str": "", "int": 0}
    parameters = inspect.signature(cls, eval_str=False).parameters.values()
    required = [each for each in parameters if each.default is each.empty]
    values = {each.name: empty.get(str(each.annotation), ()) for each in required}
    named = {each.name for each in required if each.kind is each.KEYWORD_ONLY}
    positional = [value for name, value in values.items() if name not in named]
    return cls(*positional, **{name: values[name] for name in named})


def page() -> str:
    drawn = {
        name: (drawn_code, says or "")
        for name, drawn_code, says in DRAWN.findall(errors.__doc__ or "")
    }
    rows = []
    for cls in tree():
        drawn_code, says = drawn.pop(cls.__name__, ("", ""))
        if drawn_code != cls.code:
            raise SystemExit(
                f"errors.py: the tree draws {cls.__name__} as {drawn_code!r}, not {cls.code!r}"
            )
        parent = "" if cls is ConduitError else cls.__mro__[1].__name__
        meaning = says or "the base of all; alone, a defect in Conduit"
        status = str(status_of(sample(cls)))
        rows.append((code(cls.code), status, code(cls.__name__), code(parent), meaning))
    if drawn:
        raise SystemExit(f"errors.py: the tree draws {', '.join(drawn)}, which does not exist")
    return f"{INTRO}\n{table(('Code', 'Status', 'Class', 'Is a', 'Means'), rows)}"
