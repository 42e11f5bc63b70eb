"""The locks: every file by its hash, every direct dependency there, no address of any server."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
NPM_LOCK = ROOT / "studio" / "package-lock.json"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\]+)", re.MULTILINE)
HOST = re.compile(r"\w+://|@ *file:|--(extra-)?index|--find-links|\b[\w-]+\.(org|com|io|net|dev)\b")
ABSOLUTE_PATH = re.compile(r"(^|[\s\"'])/[\w.-]+", re.MULTILINE)


def locked(name: str) -> dict[str, set[str]]:
    """Versions by package; several where the platform or the Python decides."""
    versions: dict[str, set[str]] = {}
    for package, version in PIN.findall((ROOT / "requirements" / f"{name}.txt").read_text()):
        versions.setdefault(canonicalize_name(package), set()).add(version)
    return versions


def assert_satisfied(requirements: list[str], lock: str) -> None:
    have = locked(lock)
    for requirement in map(Requirement, requirements):
        versions = have.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in requirements/{lock}.txt: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_python_lock_names_no_host_and_no_path(lock: Path) -> None:
    text = lock.read_text()
    assert not HOST.search(text)
    assert not ABSOLUTE_PATH.search(text)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_hashes(lock: Path) -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    assert entries
    for entry in entries:
        assert PIN.match(entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]


def test_the_npm_lock_names_no_host_and_has_hashes() -> None:
    text = NPM_LOCK.read_text()
    assert "://" not in text, "`make lock` takes out who may be given money"
    packages = json.loads(text)["packages"]
    others = {name: entry for name, entry in packages.items() if name and not entry.get("link")}
    assert others
    assert [name for name, entry in others.items() if "resolved" in entry] == []
    assert [name for name, entry in others.items() if "integrity" not in entry] == []


def test_there_is_one_kind_of_python_lock() -> None:
    assert not (ROOT / "uv.lock").exists()
    assert {path.stem for path in LOCKS} == {"run", "dev", "build", "bootstrap"}


def test_the_locks_answer_pyproject() -> None:
    groups = PROJECT["dependency-groups"]
    assert_satisfied(PROJECT["project"]["dependencies"], "run")
    assert_satisfied(PROJECT["project"]["dependencies"] + groups["dev"], "dev")
    assert_satisfied(groups["build"], "build")
    assert_satisfied(groups["bootstrap"], "bootstrap")


def test_an_isolated_build_uses_the_locked_build_requirements() -> None:
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]


def test_locks_that_are_installed_together_agree() -> None:
    run, dev, build = locked("run"), locked("dev"), locked("build")
    assert {name: dev.get(name) for name in run} == run
    assert {name: build[name] for name in build.keys() & dev} == {
        name: dev[name] for name in build.keys() & dev
    }
