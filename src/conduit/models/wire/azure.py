"""Where Azure OpenAI wants OpenAI's requests, and how it takes a key.

Source: the reference of Azure OpenAI in Foundry models. Under ``/openai/v1`` it is OpenAI's API,
and a model is the name of a deployment. With ``api_version`` in its options a provider is asked the
older way: the deployment (``deployment``, else the model) stands in the path, the version behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from conduit.models.exchange import Header, Listing, WireRequest

V1 = "/openai/v1"
LISTING = Listing(f"{V1}/models")


def authorize(key: str) -> tuple[Header, ...]:
    """Azure's own header."""
    return (("api-key", key),)


def locate(request: WireRequest, model: str, options: Mapping[str, str]) -> WireRequest:
    """The request below the resource's address."""
    version = options.get("api_version", "")
    if not version:
        return replace(request, path=V1 + request.path)
    deployment = quote(options.get("deployment") or model, safe="")
    where = "" if request.path.startswith("/responses") else f"/deployments/{deployment}"
    path = f"/openai{where}{request.path}?api-version={quote(version, safe='')}"
    return replace(request, path=path)
