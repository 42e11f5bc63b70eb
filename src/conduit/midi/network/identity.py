"""Who endpoints say they are, and texts on the wire: UTF-8, filled up with zeros to whole words."""

from __future__ import annotations

from dataclasses import dataclass

from conduit.contracts.errors import InvalidInput

NAME_BYTES = 98
PRODUCT_BYTES = 42


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an endpoint says it is: its name (at most 98 bytes of UTF-8), and what tells this device
    from others of its kind (at most 42 printable ASCII characters). Anybody may say anything."""

    name: str
    product_instance_id: str = ""


def clipped(identity: Identity, room: int) -> Identity:
    """As much of an identity as fits ``room`` bytes on the wire: the name before the product, and
    no half of a product's id, which would be another product's."""
    name = identity.name.encode()[: max(0, room // 4 * 4)].decode(errors="ignore")
    left = room - len(padded_bytes(name.encode()))
    fits = len(padded_bytes(identity.product_instance_id.encode())) <= left
    return Identity(name, identity.product_instance_id if fits else "")


def check_identity(identity: Identity) -> Identity:
    """The identity. Raises ``InvalidInput`` when it cannot be told to others as it is."""
    if not identity.name:
        raise InvalidInput("an endpoint needs a name", hint='for example "Stage left"')
    text_bytes(identity.name, NAME_BYTES, "an endpoint's name")
    product = text_bytes(identity.product_instance_id, PRODUCT_BYTES, "a product instance id")
    if any(not 32 <= byte < 127 for byte in product):
        raise InvalidInput(
            "a product instance id has a character outside of ASCII",
            hint="use letters, digits and punctuation: it is meant for machines",
        )
    return identity


def text_bytes(text: str, most: int, what: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{what} holds half a character", hint="pass whole Unicode") from error
    if len(data) > most:
        raise InvalidInput(f"{what} has {len(data)} bytes, and at most {most} fit")
    if 0 in data:
        raise InvalidInput(f"{what} holds a zero, which ends a text on the wire")
    return data


def padded_bytes(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def read_text(data: bytes) -> str:
    """Text of a stranger: up to its first zero, whatever is no UTF-8 replaced, and nothing in it
    that could move a cursor or change a colour."""
    text = data.split(b"\0", 1)[0].decode(errors="replace")
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
