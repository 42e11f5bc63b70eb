"""Ollama's lists of models: ``/api/tags``, ``/api/show``, ``/api/ps``, ``/api/version``.

Source of the shapes: Ollama's API reference. What only a local file has (a size, a digest, a
quantisation) is zero or empty for a model that runs elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from conduit.contracts.json import JsonObject
from conduit.models.dialects.models_list import ModelRow, rfc3339

_CAPABILITIES = {"image": "vision", "audio": "audio"}
VERSION = "0.12.0"
"""The version of Ollama's API that is spoken here: some clients look at it."""


def tags(rows: Iterable[ModelRow]) -> JsonObject:
    """The answer to ``GET /api/tags``."""
    return {
        "models": [
            {
                "name": row.name,
                "model": row.name,
                "modified_at": rfc3339(row.created),
                "size": 0,
                "digest": sha256(row.name.encode()).hexdigest(),
                "details": _details(row),
            }
            for row in rows
        ]
    }


def show(row: ModelRow) -> JsonObject:
    """The answer to ``POST /api/show``."""
    information: JsonObject = {"general.architecture": row.owned_by or "conduit"}
    if row.facts.context is not None:
        information[f"{information['general.architecture']}.context_length"] = row.facts.context
    known = [_CAPABILITIES[each] for each in row.facts.modalities if each in _CAPABILITIES]
    return {
        "license": "",
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": _details(row),
        "model_info": information,
        "capabilities": ["completion", "tools", *known],
        "modified_at": rfc3339(row.created),
    }


def running() -> JsonObject:
    """The answer to ``GET /api/ps``: nothing is loaded here."""
    return {"models": []}


def version() -> JsonObject:
    """The answer to ``GET /api/version``."""
    return {"version": VERSION}


def _details(row: ModelRow) -> JsonObject:
    family = row.owned_by or "conduit"
    return {
        "parent_model": "",
        "format": "",
        "family": family,
        "families": [family],
        "parameter_size": "",
        "quantization_level": "",
    }
