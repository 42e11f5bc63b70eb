"""Signature Version 4 against the vectors that AWS publishes.

Source: the "Signature Version 4 test suite" of the AWS general reference
(``aws-sig-v4-test-suite``). Where it has none (Bedrock's encoded paths, a port, a token beside a
body), the signatures were made by botocore 1.44.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.models.sigv4 import Credentials, sign

NOW = 1_440_938_160  # 2015-08-30T12:36:00Z
KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfI"
    "eoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0"
    "wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDry"
    "pNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
LETTERS = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
GET_VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
POST_VANILLA = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"


def signed(method: str, target: str, *headers: tuple[str, str]) -> tuple[str, str]:
    """The names that were signed, and the signature."""
    made = sign(
        method,
        f"https://example.amazonaws.com{target}",
        headers,
        b"",
        credentials=KEY,
        region="us-east-1",
        service="service",
        now=NOW,
    )
    assert made[0] == ("X-Amz-Date", "20150830T123600Z")
    return _parts(dict(made)["Authorization"], "service")


def _parts(authorization: str, service: str) -> tuple[str, str]:
    scope = f"AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request"
    begin = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders="
    assert authorization.startswith(begin)
    names, _, signature = authorization.removeprefix(begin).partition(", Signature=")
    return names, signature


@pytest.mark.parametrize(
    ("name", "method", "target", "signature"),
    [
        ("get-vanilla", "GET", "/", GET_VANILLA),
        ("post-vanilla", "POST", "/", POST_VANILLA),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/?Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "post-vanilla-query",
            "POST",
            "/?Param1=value1",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "get-vanilla-query-order-key",
            "GET",
            "/?Param1=value2&Param1=Value1",
            "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-order-value",
            "GET",
            "/?Param1=value2&Param1=value1",
            "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        ),
        (
            "get-vanilla-query-unreserved",
            "GET",
            f"/?{LETTERS}={LETTERS}",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "get-unreserved",
            "GET",
            f"/{LETTERS}",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "get-utf8",
            "GET",
            "/\u1234",
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            "get-space",
            "GET",
            "/example space/",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            "get-slashes",
            "GET",
            "//example//",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "get-slash-pointless-dot",
            "GET",
            "/./example",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        ("get-slash", "GET", "//", GET_VANILLA),
        ("get-slash-dot-slash", "GET", "/./", GET_VANILLA),
        ("get-relative", "GET", "/example/..", GET_VANILLA),
        ("get-relative-relative", "GET", "/example1/example2/../..", GET_VANILLA),
    ],
)
def test_published_vectors(name: str, method: str, target: str, signature: str) -> None:
    assert signed(method, target) == ("host;x-amz-date", signature), name


@pytest.mark.parametrize(
    ("name", "method", "headers", "names", "signature"),
    [
        (
            "get-header-key-duplicate",
            "GET",
            [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "my-header1",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "get-header-value-order",
            "GET",
            [("My-Header1", f"value{n}") for n in (4, 1, 3, 2)],
            "my-header1",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "get-header-value-trim",
            "GET",
            [("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')],
            "my-header1;my-header2",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "post-header-key-sort",
            "POST",
            [("My-Header1", "value1")],
            "my-header1",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-header-value-case",
            "POST",
            [("My-Header1", "VALUE1")],
            "my-header1",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
    ],
)
def test_published_vectors_of_headers(
    name: str, method: str, headers: list[tuple[str, str]], names: str, signature: str
) -> None:
    assert signed(method, "/", *headers) == (f"host;{names};x-amz-date", signature), name


def test_a_session_token_is_signed_and_sent() -> None:
    """The published vector post-sts-header-before."""
    made = sign(
        "POST",
        "https://example.amazonaws.com/",
        (),
        b"",
        credentials=Credentials(KEY.access_key_id, KEY.secret_access_key, TOKEN),
        region="us-east-1",
        service="service",
        now=NOW,
    )
    assert ("X-Amz-Security-Token", TOKEN) in made
    assert _parts(dict(made)["Authorization"], "service") == (
        "host;x-amz-date;x-amz-security-token",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    )


BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
ARN = (
    "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0"
)


@pytest.mark.parametrize(
    ("url", "body", "token", "signature"),
    [
        (
            f"{BEDROCK}/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse",
            b'{"messages":[]}',
            "",
            "40f11609b51d318bc71127993eb5b075cc12b3bde24aa11d2a25186d1fc1d196",
        ),
        (
            f"{BEDROCK}/{ARN}/converse",
            b'{"messages":[]}',
            "",
            "07c8702a9327e563a905de2acf39e394e77c3db7f4f83046f726971d6f9f4368",
        ),
        (
            f"{BEDROCK}/x/converse",
            b"{}",
            "TOKEN==",
            "93b30f3c47d799c26b0b8b4c51134190f5d98cb9000d81ba2f2192a5db5e8453",
        ),
        (
            "http://127.0.0.1:8080/model/x/converse",
            b"{}",
            "",
            "2207184725192c2b8b1673badbfce300b5e666433d47dc55393d6aec74ae50f9",
        ),
    ],
)
def test_requests_as_botocore_signs_them(url: str, body: bytes, token: str, signature: str) -> None:
    made = sign(
        "POST",
        url,
        (("Content-Type", "application/json"),),
        body,
        credentials=Credentials(KEY.access_key_id, KEY.secret_access_key, token),
        region="us-east-1",
        service="bedrock",
        now=NOW,
    )
    names, found = _parts(dict(made)["Authorization"], "bedrock")
    assert found == signature
    assert names.startswith("content-type;host;x-amz-date")


def test_credentials_do_not_show() -> None:
    shown = repr(Credentials("AKID", "hush", "hushed"))
    assert "AKID" in shown
    assert "hush" not in shown


@given(st.text(max_size=60), st.binary(max_size=50))
def test_whatever_is_signed_gives_one_line_of_ascii(path: str, body: bytes) -> None:
    url = f"https://example.amazonaws.com/{path.replace('?', '').replace('#', '')}"
    url = "".join(c for c in url if not 0xD800 <= ord(c) < 0xE000)
    made = sign(
        "POST", url, (), body, credentials=KEY, region="eu-west-1", service="bedrock", now=0
    )
    authorization = dict(made)["Authorization"]
    assert authorization.isascii()
    assert authorization.isprintable()
