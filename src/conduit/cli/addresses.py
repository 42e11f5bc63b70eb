"""Where `conduit up` is, unless it was told otherwise."""

from __future__ import annotations

SERVICE = "http://127.0.0.1:9321"
