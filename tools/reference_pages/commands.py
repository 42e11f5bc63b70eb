"""``command-line.md``: every command, from the parser that reads them."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from conduit.cli.main import cli
from reference_pages.markdown import code, table

INTRO = """\
# Command line

`conduit COMMAND --help` says the same.
"""


def commands(command: object, path: str) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Every command that does something itself, with the words that reach it."""
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:
            yield path, command
        for name, child in sorted(command.commands.items()):
            if not child.hidden:
                yield from commands(child, f"{path} {name}")
    elif isinstance(command, TyperCommand):
        yield path, command


def parameter(each: object) -> tuple[str, str, str]:
    """Name, default and meaning of an argument or option."""
    if isinstance(each, TyperOption):
        names = ", ".join(code(name) for name in [*each.opts, *each.secondary_opts])
        plain = each.is_flag or each.default is None or callable(each.default)
        variable = f" Or {code(str(each.envvar))}." if each.envvar else ""
        return names, "" if plain else code(str(each.default)), f"{each.help or ''}{variable}"
    if isinstance(each, TyperArgument):
        return code(each.name or ""), "", each.help or ""
    return "", "", ""


def usage(path: str, command: TyperCommand | TyperGroup) -> str:
    context = command.context_class(command, info_name=path)
    return " ".join([path, *command.collect_usage_pieces(context)])


def section(path: str, command: TyperCommand | TyperGroup) -> str:
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    parts = [f"## {path}\n", f"{(command.help or '').strip()}\n"]
    parts.append(f"```text\n{usage(path, command)}\n```\n")
    if shown:
        parts.append(table(("Parameter", "Default", "Meaning"), map(parameter, shown)))
    return "\n".join(parts)


def page() -> str:
    root = typer.main.get_command(cli)
    return "\n".join([INTRO, *(section(*each) for each in commands(root, "conduit"))])
