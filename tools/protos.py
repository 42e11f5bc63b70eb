"""Look at ``proto/``: ``make check`` runs it. With ``--accept``, take what is new as published.

What protoc does not object to and readers would: something without a word about it, names that are
not in the usual form, a package that is not its folder, requests that two methods share. And what
clients would: ``proto/published.txt`` has every method and field with its number and type, and none
of it may go or change. buf has the same rules (``proto/buf.yaml``), for whoever has buf.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatch_build import PROTOS, ROOT, ProtoBuildError, protoc

PUBLISHED = "published.txt"
_LONGEST = 100
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CAMEL = re.compile(r"([A-Z][a-z0-9]*)+")
_MESSAGES, _SERVICES = 4, 6
"""Numbers of the lists in ``FileDescriptorProto``; in both kinds, 2 is what they consist of."""
_INSIDE, _ONEOFS = 2, 8

Place = tuple[int, ...]


def parsed(folder: Path) -> Sequence[FileDescriptorProto]:
    """Every file, with its comments. Raises ``ProtoBuildError``."""
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.proto"))]
    with tempfile.TemporaryDirectory() as made:
        out = Path(made, "all")
        protoc(f"-I{folder}", f"--descriptor_set_out={out}", "--include_source_info", *names)
        return FileDescriptorSet.FromString(out.read_bytes()).file


def faults(folder: Path) -> list[str]:
    """What is wrong, a line each, with its file. Raises ``ProtoBuildError``."""
    said = []
    for file in parsed(folder):
        lines = (folder / file.name).read_text(encoding="utf-8").split("\n")
        said += [f"{file.name}: {fault}" for fault in (*_of_file(file), *_of_lines(lines))]
    return said


def _of_lines(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST or line != line.rstrip():
            yield f"line {number} is longer than {_LONGEST}, or ends in a space"


def _of_file(file: FileDescriptorProto) -> Iterator[str]:
    if file.syntax != "proto3":
        yield "its syntax is not proto3"
    if Path(file.name).parent.as_posix() != file.package.replace(".", "/"):
        yield f"its package {file.package} is not its folder"
    told = {
        tuple(each.path): each.leading_comments.strip() for each in file.source_code_info.location
    }
    for place, name in _named(file):
        if not told.get(place):
            yield f"{name} has no comment"
    for message in file.message_type:
        yield from _of_message(message)
    for service in file.service:
        yield from _of_service(service)


def _named(file: FileDescriptorProto) -> Iterator[tuple[Place, str]]:
    """Everything that needs a comment, by its path in the descriptor."""
    for at, message in enumerate(file.message_type):
        yield (_MESSAGES, at), message.name
        for inner, field in enumerate(message.field):
            yield (_MESSAGES, at, _INSIDE, inner), f"{message.name}.{field.name}"
        for inner, oneof in enumerate(message.oneof_decl):
            yield (_MESSAGES, at, _ONEOFS, inner), f"{message.name}.{oneof.name}"
    for at, service in enumerate(file.service):
        yield (_SERVICES, at), service.name
        for inner, method in enumerate(service.method):
            yield (_SERVICES, at, _INSIDE, inner), f"{service.name}.{method.name}"


def _of_message(message: DescriptorProto) -> Iterator[str]:
    if not _CAMEL.fullmatch(message.name):
        yield f"{message.name} is not in CamelCase"
    for field in message.field:
        if not _SNAKE.fullmatch(field.name):
            yield f"{message.name}.{field.name} is not in snake_case"
    free = {number for each in message.reserved_range for number in range(each.start, each.end)}
    used = {field.number for field in message.field}
    if missing := set(range(1, max(used, default=0))) - used - free:
        gone = ", ".join(map(str, sorted(missing)))
        yield f"{message.name} has neither a field nor a reservation for {gone}"


def _of_service(service: ServiceDescriptorProto) -> Iterator[str]:
    if not service.name.endswith("Service"):
        yield f"{service.name} does not end in Service"
    for method in service.method:
        for kind, ending in ((method.input_type, "Request"), (method.output_type, "Response")):
            wanted = method.name + ending
            if kind.rpartition(".")[2] != wanted:
                yield f"{service.name}.{method.name} has no message {wanted} of its own"


def published(files: Sequence[FileDescriptorProto]) -> list[str]:
    """What clients rely on, a line each."""
    lines = []
    for file in files:
        for service in file.service:
            for method in service.method:
                streams = "stream " if method.server_streaming else ""
                kinds = f"({method.input_type[1:]}) returns ({streams}{method.output_type[1:]})"
                lines.append(f"/{file.package}.{service.name}/{method.name}{kinds}")
        for message in file.message_type:
            for field in message.field:
                name = f"{file.package}.{message.name}.{field.name}"
                lines.append(f"{name} = {field.number} {_kind(field)}")
    return sorted(lines)


def _kind(field: FieldDescriptorProto) -> str:
    kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    return f"{'repeated ' if repeated else ''}{field.type_name[1:] or kind}"


def main(arguments: list[str]) -> int:
    folder = ROOT / PROTOS
    try:
        said, now = faults(folder), published(parsed(folder))
    except ProtoBuildError as error:
        print(error, file=sys.stderr)
        return 1
    record = folder / PUBLISHED
    before = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    said += [f"{PUBLISHED}: clients rely on: {line}" for line in before if line not in now]
    if not said and now != before:
        if "--accept" in arguments:
            record.write_text("\n".join(now) + "\n", encoding="utf-8")
        else:
            said.append(f"{PUBLISHED} lacks what is new: run python tools/protos.py --accept")
    print("\n".join(said), end="\n" if said else "", file=sys.stderr)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
