"""The same samples under pyright, which comes with the packages of the web page."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.typing.refusals import ROOT, SAMPLES, marked

PYRIGHT = ROOT / "studio" / "node_modules" / "pyright"
NPM = ROOT / "tools" / "npm.py"

RULES = {
    "arg-type": {"reportArgumentType", "reportCallIssue"},
    "assignment": {"reportAssignmentType"},
    "attr-defined": {"reportAttributeAccessIssue"},
    "call-arg": {"reportCallIssue"},
    "call-overload": {"reportCallIssue", "reportArgumentType"},
    "operator": {"reportOperatorIssue"},
    "override": {"reportIncompatibleMethodOverride"},
}
"""What pyright may call that which mypy calls so."""


@pytest.mark.timeout(90)
def test_pyright_accepts_and_refuses_what_mypy_does() -> None:
    """Seconds, because it keeps no cache: each time it reads the kernel anew."""
    if not PYRIGHT.exists():
        pytest.skip("pyright is not there; to run this: python tools/npm.py test")
    told = _errors()
    expected = marked()
    assert told.keys() == expected.keys(), told
    for place, rules in told.items():
        assert rules <= RULES[expected[place]], (place, rules)


def _errors() -> dict[tuple[str, int], set[str]]:
    """The rules that are broken, by file name and line."""
    command = [sys.executable, str(NPM), "exec", "--offline", "--", "pyright", "--outputjson"]
    options = ["--project", str(SAMPLES[0].parent), "--pythonpath", sys.executable]
    done = subprocess.run([*command, *options], capture_output=True, timeout=80, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(SAMPLES), done.stderr
    found: dict[tuple[str, int], set[str]] = {}
    for each in report["generalDiagnostics"]:
        if each["severity"] == "error":
            name = each["file"].replace("\\", "/").rpartition("/")[2]
            place = (name, each["range"]["start"]["line"] + 1)
            found.setdefault(place, set()).add(each["rule"])
    return found
