"""The composition root: the only room that knows every other and joins them.

What it offers is loaded when it is asked for: a gateway alone does without most rooms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conduit.app import starting

if TYPE_CHECKING:
    from conduit.app.compose import App, open_app
    from conduit.app.settings import Settings

__all__ = ["App", "Settings", "open_app"]


def __getattr__(name: str) -> Any:
    if name == "Settings":
        from conduit.app.settings import Settings

        return Settings
    if name in ("App", "open_app"):
        with starting.loading():
            from conduit.app import compose
        return getattr(compose, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
