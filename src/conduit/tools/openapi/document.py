"""An OpenAPI 3.0 or 3.1 document as operations, each complete in itself.

Layout: spec.openapis.org/oas/v3.0.4 and v3.1.1. Linear in the size of the document: what one
operation may take up has a bound, and so has their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal
from urllib.parse import quote

from conduit.blocks.utility.url import WebUrl, read_url
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.json import JsonObject
from conduit.tools.openapi.names import OperationNames, field_name
from conduit.tools.openapi.references import References
from conduit.tools.openapi.schemas import SchemaWriter

MOST_OPERATIONS: Final = 10_000
MOST_PARAMETERS: Final = 100
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_PLACES: Final = ("path", "query", "header", "cookie")
_TEMPLATE: Final = re.compile(r"\{([^{}]*)\}")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS: Final = frozenset(
    "accept accept-encoding authorization connection content-length content-type cookie expect "
    "host keep-alive proxy-authorization te trailer transfer-encoding upgrade".split()
)
"""Headers that are not for a caller to set."""
_STYLES: Final = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
_PATH_SAFE: Final = "/:@!$&'()*+,;=~"
_LONGEST_SUMMARY: Final = 200


@dataclass(frozen=True, slots=True)
class Parameter:
    """``field`` is what callers call it, ``name`` what the server does. ``as_json`` ones are
    written as JSON."""

    field: str
    name: str
    place: Literal["path", "query", "header", "cookie"]
    style: str
    explode: bool
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a field of a form is written: in a style like a parameter's, or as a file."""

    name: str
    style: str = ""
    explode: bool = True
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent as the body: a JSON value, the fields of a form, or a text as it is."""

    field: str
    media_type: str
    kind: Literal["json", "form", "multipart", "text"]
    encodings: tuple[Encoding, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``server`` is the address that ``path`` comes behind, empty where only the
    settings know it; ``schema`` describes its input. One that ``is_open`` says that it takes no
    secret: it is sent none."""

    name: str
    method: str
    server: str
    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    schema: JsonObject
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says about itself; its operations are read one by one."""

    title: str
    version: str
    base: WebUrl | None
    content: JsonObject
    references: References

    @classmethod
    def of(cls, content: JsonObject, base: WebUrl | None = None) -> Document:
        """``base`` is where relative servers count from. Raises ``InvalidInput``."""
        said = content.get("openapi")
        if not isinstance(said, str) or not re.fullmatch(
            r"3\.[01](\.\d{1,3})?([-.+].{0,40})?", said
        ):
            found = f"version {str(said)[:20]!r}" if said else "no version"
            older = " (it is Swagger 2)" if "swagger" in content else ""
            raise InvalidInput(
                f"this is no OpenAPI 3.0 or 3.1 document: it says {found}{older}",
                where="openapi",
                hint="convert it; editors of Swagger do",
            )
        info = _mapping(content.get("info", {}), "info")
        if not isinstance(content.get("paths", {}), dict):
            raise InvalidInput("expected a mapping", where="paths", hint="paths: {/pets: …}")
        title, version = info.get("title"), info.get("version")
        return cls(
            title=_line(title if isinstance(title, str) else ""),
            version=_line(version if isinstance(version, str) else ""),
            base=base,
            content=content,
            references=References(content),
        )

    def operations(self, api: str) -> Iterator[Operation]:
        """Every operation, in the order of the document, named for one API.

        Raises ``InvalidInput`` for what cannot be called as it is described, ``TooLarge`` for more
        than 10,000 of them.
        """
        names = OperationNames(api)
        count = 0
        for path, item in self.content.get("paths", {}).items():
            if path.startswith("x-"):
                continue
            item = _mapping(self.references.resolved(item), path)
            for method in _METHODS:
                if method not in item:
                    continue
                count += 1
                if count > MOST_OPERATIONS:
                    raise TooLarge(
                        f"the document has more than {MOST_OPERATIONS} operations",
                        hint="register a part of it: the operations that are needed",
                    )
                where = f"{method.upper()} {path[:80]}"
                found = _mapping(item[method], where)
                yield self._operation(found, item, method.upper(), path, where, names)

    def _operation(
        self,
        found: JsonObject,
        item: JsonObject,
        method: str,
        path: str,
        where: str,
        names: OperationNames,
    ) -> Operation:
        writer = SchemaWriter(self.references)
        said = found.get("operationId")
        name = names.of(said if isinstance(said, str) else "", method.lower(), path)
        properties: JsonObject = {}
        required: list[str] = []
        taken: set[str] = set()
        body = None
        if "requestBody" in found:
            taken.add("body")
            body = self._body(found["requestBody"], where, writer, properties, required)
        given = self._parameters(found, item, path, where)
        parameters = []
        for each in given:
            made = _parameter(each, taken, where)
            properties[made.field] = _described(
                writer.of(_schema_of(each), f"{where}: {made.name[:80]}"), each
            )
            if each.get("required") is True or made.place == "path":
                required.append(made.field)
            parameters.append(made)
        schema: JsonObject = {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
        if writer.defs:
            schema["$defs"] = writer.defs
        return Operation(
            name=name,
            method=method,
            server=self._server(found, item, where),
            path=_template(path, where),
            summary=_summary(found, item, method, path),
            parameters=tuple(parameters),
            body=body,
            schema=schema,
            is_open=found.get("security") == [],
        )

    def _parameters(
        self, found: JsonObject, item: JsonObject, path: str, where: str
    ) -> list[JsonObject]:
        """Those of the path and of the operation, which take the place of the path's; and those
        that the path names and nobody describes."""
        known: dict[tuple[str, str], JsonObject] = {}
        for each in (*_items(item, "parameters", where), *_items(found, "parameters", where)):
            parameter = _mapping(self.references.resolved(each), where)
            name, place = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or not name or place not in _PLACES:
                raise InvalidInput(
                    "a parameter has no name, or is in no known place",
                    where=where,
                    hint=f"in is one of {', '.join(_PLACES)}",
                )
            if place == "header" and (name.lower() in _OURS or not _HEADER.fullmatch(name)):
                continue  # the specification leaves these out
            known[place, name] = parameter
        named = dict.fromkeys(_TEMPLATE.findall(path))
        for name in named:
            implied = {"name": name, "in": "path", "schema": {"type": "string"}}
            known.setdefault(("path", name), implied)
        kept = [p for (place, name), p in known.items() if place != "path" or name in named]
        if len(kept) > MOST_PARAMETERS:
            raise TooLarge(f"it has more than {MOST_PARAMETERS} parameters", where=where)
        return kept

    def _body(
        self,
        given: Any,
        where: str,
        writer: SchemaWriter,
        properties: JsonObject,
        required: list[str],
    ) -> Body | None:
        described = _mapping(self.references.resolved(given), where)
        content = _mapping(described.get("content", {}), where)
        if not content:
            return None
        media_type, kind = _preferred(content)
        media = _mapping(self.references.resolved(content[media_type]), where)
        if kind == "text":
            schema: Any = {"type": "string", "description": f"sent as it is, as {media_type[:60]}"}
        else:
            schema = writer.of(media.get("schema", {}), f"{where}: body")
        properties["body"] = _described(schema, described)
        if described.get("required") is True:
            required.append("body")
        sent = "application/json" if kind == "json" and "*" in media_type else media_type
        if not re.fullmatch(r"[\w!#$&^.+-]{1,80}/[\w!#$&^.+-]{1,80}(;[ \w=.\"-]{0,80})?", sent):
            sent = "application/octet-stream"
        return Body("body", sent, kind, tuple(self._encodings(media, kind)))

    def _encodings(self, media: JsonObject, kind: str) -> Iterator[Encoding]:
        """Of the fields of a form that are not written as all are."""
        said = media.get("encoding")
        if kind == "form" and isinstance(said, dict):
            for name, each in islice(said.items(), MOST_PARAMETERS):
                style = each.get("style") if isinstance(each, dict) else None
                if style in _STYLES["query"]:
                    yield Encoding(name, style, each.get("explode", style == "form") is True)
        schema = self.references.resolved(media.get("schema", {}))
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if kind == "multipart" and isinstance(properties, dict):
            for name, each in islice(properties.items(), MOST_PARAMETERS):
                if self._is_file(each):
                    yield Encoding(name, is_file=True)

    def _is_file(self, schema: Any) -> bool:
        found = self.references.resolved(schema)
        if isinstance(found, dict) and found.get("type") == "array":
            found = self.references.resolved(found.get("items"))
        return isinstance(found, dict) and (
            found.get("format") == "binary"  # OpenAPI 3.0
            or found.get("contentMediaType") == "application/octet-stream"
        )

    def _server(self, found: JsonObject, item: JsonObject, where: str) -> str:
        """The first server of the closest list of them, whole; empty where nothing says it."""
        lists = (each.get("servers") for each in (found, item, self.content))
        servers = next((each for each in lists if isinstance(each, list) and each), [{"url": "/"}])
        first = _mapping(servers[0], f"{where}: servers")
        url = _filled(first, where)
        if url.startswith(("http://", "https://")):
            whole = _read(url, where)
        elif self.base is None:
            return ""
        else:
            try:
                whole = self.base.joined(url)
            except InvalidInput as error:
                raise InvalidInput(error.message, where=f"{where}: servers") from None
        require_plain_path(whole.path, f"{where}: servers")
        return f"{whole.scheme}://{whole.authority}{whole.path}"


def require_plain_path(path: str, where: str) -> None:
    """Raise ``InvalidInput`` for a path with steps that mean another place, in any spelling."""
    lowered = path.lower()
    odd = any(mark in lowered for mark in ("//", "\\", "%2f", "%5c", "%2e", "%25", "%00"))
    if odd or any(segment in (".", "..") for segment in path.split("/")):
        raise InvalidInput(
            "the path has steps like .. or //, or escapes that hide them",
            where=where,
            hint="write it as it is meant",
        )


def _template(path: str, where: str) -> str:
    """The path with its parameters in braces, and all else percent-encoded. What stands behind a #
    tells two operations of one path apart, and is never sent."""
    path = path.partition("#")[0]
    bare = _TEMPLATE.sub("x", path)
    if not path.startswith("/") or any(mark in bare for mark in "{}?"):
        raise InvalidInput(
            "a path begins with / and has no query", where=where, hint="like /pets/{petId}"
        )
    if len(path) > 1000:
        raise TooLarge("the path is longer than 1000 characters", where=where)
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise InvalidInput("the path holds control characters", where=where, hint="leave them out")
    require_plain_path(bare, where)
    found = re.split(r"(\{[^{}]*\})", path)
    return "".join(
        each if at % 2 else quote(each, safe=_PATH_SAFE) for at, each in enumerate(found)
    )


def _filled(server: JsonObject, where: str) -> str:
    """A server's address with its variables at their defaults: nobody else chooses them."""
    url = server.get("url")
    if not isinstance(url, str) or len(url) > 2000:
        raise InvalidInput("a server has no url", where=f"{where}: servers", hint="url: https://…")
    variables = _mapping(server.get("variables", {}), f"{where}: servers")
    filled = url
    for name in dict.fromkeys(_TEMPLATE.findall(url)):
        variable = variables.get(name)
        default = variable.get("default") if isinstance(variable, dict) else None
        if not isinstance(default, str | int | float) or isinstance(default, bool):
            raise InvalidInput(
                f"the variable {name[:40]!r} of a server has no default",
                where=f"{where}: servers",
                hint="variables: {region: {default: eu}}",
            )
        filled = filled.replace(f"{{{name}}}", str(default))
    return filled


def _read(url: str, where: str) -> WebUrl:
    try:
        read = read_url(url)
    except InvalidInput as error:
        raise InvalidInput(error.message, where=f"{where}: servers", hint=error.hint) from None
    if read.query:
        raise InvalidInput(
            "a server's address has a query", where=f"{where}: servers", hint="leave it out"
        )
    return read


def _parameter(found: JsonObject, taken: set[str], where: str) -> Parameter:
    place = found["in"]
    styles = _STYLES[place]
    style = found.get("style", styles[0])
    if style not in styles:
        raise InvalidInput(
            f"the parameter {found['name'][:40]!r} has the style {str(style)[:30]!r}",
            where=where,
            hint=f"in a {place} it is one of {', '.join(styles)}",
        )
    explode = found.get("explode", style == "form")
    content = found.get("content")
    as_json = isinstance(content, dict) and any("json" in str(each) for each in content)
    return Parameter(
        field_name(found["name"], place, taken),
        found["name"],
        place,
        style,
        explode is True,
        as_json,
    )


def _schema_of(parameter: JsonObject) -> Any:
    content = parameter.get("content")
    if isinstance(content, dict) and content:
        media = next(iter(content.values()))
        return media.get("schema", {}) if isinstance(media, dict) else {}
    return parameter.get("schema", {})


def _described(schema: Any, owner: JsonObject) -> Any:
    text = owner.get("description")
    if isinstance(schema, dict) and isinstance(text, str) and text.strip():
        return {**schema, "description": _line(text, 300)}
    return schema


def _preferred(content: JsonObject) -> tuple[str, Literal["json", "form", "multipart", "text"]]:
    """The media type that says most: JSON, then forms, then whatever it is, as text."""
    kinds: tuple[tuple[Literal["json", "form", "multipart"], str], ...] = (
        ("json", r"application/(json|\*|[\w.+-]*\+json)|\*/\*"),
        ("form", r"application/x-www-form-urlencoded"),
        ("multipart", r"multipart/form-data"),
    )
    for kind, pattern in kinds:
        for media_type in content:
            if re.fullmatch(pattern, media_type.partition(";")[0].strip().lower()[:200]):
                return media_type, kind
    return next(iter(content)), "text"


def _summary(found: JsonObject, item: JsonObject, method: str, path: str) -> str:
    texts = (found.get("summary"), found.get("description"), item.get("summary"))
    said = next((text for text in texts if isinstance(text, str) and text.strip()), "")
    return _line(said) or _line(f"{method} {path}")


def _line(text: str, most: int = _LONGEST_SUMMARY) -> str:
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * most])
    line = " ".join(line.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _mapping(value: Any, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise InvalidInput("expected a mapping", where=where[:100], hint="write it as name: value")
    return value


def _items(owner: JsonObject, name: str, where: str) -> list[Any]:
    found = owner.get(name, [])
    if not isinstance(found, list):
        raise InvalidInput(f"{name} is not a list", where=where, hint="begin each with a dash")
    return found
