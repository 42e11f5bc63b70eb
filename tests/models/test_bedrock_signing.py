"""Whose address a Bedrock is, how its requests are signed, and that credentials are never told."""

from __future__ import annotations

import pytest

from conduit.contracts.errors import ConfigError
from conduit.models.exchange import Signing
from conduit.models.secret import Secret
from conduit.models.wire.bedrock import BEDROCK, sign

URL = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/x/converse"


def signing(key: str = "AKID:hush", url: str = URL, **options: str) -> Signing:
    return Signing("POST", url, b"{}", key, options, 1_440_938_160)


def test_the_region_is_configured_or_part_of_the_address() -> None:
    assert "/eu-west-1/bedrock/" in dict(sign(signing()))["Authorization"]
    assert "/us-gov-west-1/" in dict(sign(signing(region="us-gov-west-1")))["Authorization"]
    for wrong in (
        signing(url="http://127.0.0.1/model/x/converse"),
        signing(region="nowhere"),
        signing(key=":"),
        signing(key="AKID:"),
    ):
        with pytest.raises(ConfigError) as caught:
            sign(wrong)
        assert caught.value.hint


def test_an_api_key_is_a_bearer_token_and_credentials_are_never_sent() -> None:
    assert sign(signing("bedrock-api-key-1")) == (("Authorization", "Bearer bedrock-api-key-1"),)
    assert BEDROCK.authorize("bedrock-api-key-1") == sign(signing("bedrock-api-key-1"))
    assert BEDROCK.authorize("AKID:hush") == ()
    headers = sign(signing("AKID:hush:to:ken"))
    assert dict(headers)["X-Amz-Security-Token"] == "to:ken"
    assert "hush" not in str(headers)


def test_no_part_of_credentials_is_quoted() -> None:
    """AWS repeats the canonical request, with the token, where a signature does not match."""
    secret, token = "wJalrXUtnFEMI/K7MDENG", "AQoDYXdzEPT//////////"
    key = Secret(f"AKID:{secret}:{token}")
    said = f"x-amz-security-token:{token} {secret} AKID"
    assert key.scrub(said) == "x-amz-security-token:[hidden] [hidden] AKID"
