"""The composition root: the only room that knows every other and joins them."""

from conduit.app.compose import App, open_app
from conduit.app.settings import Settings

__all__ = ["App", "Settings", "open_app"]
