"""Whose account OpenAI is to charge: the headers of an organization and of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from conduit.models.exchange import WireRequest

_HEADERS = {"organization": "OpenAI-Organization", "project": "OpenAI-Project"}


def locate(request: WireRequest, model: str, options: Mapping[str, str]) -> WireRequest:
    """The request in the name of whoever is named in the options."""
    named = tuple((_HEADERS[name], value) for name, value in options.items() if name in _HEADERS)
    return replace(request, headers=(*request.headers, *named)) if named else request
