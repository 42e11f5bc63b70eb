"""Protos are looked at, and generated when they changed, and only then; failures say what to do."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from protos import faults, main, parsed, published

import hatch_build
from hatch_build import GENERATED, PROTOS, ProtoBuildError, build_protos

GOOD = """// A file.
syntax = "proto3";

package toy.v1;

// Greets.
service GreetService {
  // Says hello.
  rpc Greet(GreetRequest) returns (GreetResponse);
}

// Whom.
message GreetRequest {
  // By name.
  string name = 1;
}

// What was said.
message GreetResponse {
  // All of it.
  string said = 1;
}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / PROTOS / "toy" / "v1").mkdir(parents=True)
    (tmp_path / PROTOS / "toy" / "v1" / "toy.proto").write_text(GOOD)
    return tmp_path


def rewrite(checkout: Path, old: str, new: str) -> None:
    path = checkout / PROTOS / "toy" / "v1" / "toy.proto"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_ours_are_good_and_nothing_published_is_gone() -> None:
    assert main([]) == 0


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  // By name.\n", "", "GreetRequest.name has no comment"),
        ("// Whom.\n", "", "GreetRequest has no comment"),
        ("  // Says hello.\n", "", "GreetService.Greet has no comment"),
        ("toy.v1;", "other.v1;", "its package other.v1 is not its folder"),
        ("name = 1", "name = 2", "neither a field nor a reservation for 1"),
        ("string name", "string theName", "GreetRequest.theName is not in snake_case"),
        ("(GreetRequest)", "(GreetResponse)", "no message GreetRequest of its own"),
        ("GreetService", "Greeter", "Greeter does not end in Service"),
        ("By name.", "x" * 100, "is longer than 100"),
    ],
)
def test_each_fault_is_said(checkout: Path, old: str, new: str, fault: str) -> None:
    assert faults(checkout / PROTOS) == []
    rewrite(checkout, old, new)
    assert any(fault in each for each in faults(checkout / PROTOS))


def test_what_is_published_has_numbers_and_types(checkout: Path) -> None:
    assert published(parsed(checkout / PROTOS)) == [
        "/toy.v1.GreetService/Greet(toy.v1.GreetRequest) returns (toy.v1.GreetResponse)",
        "toy.v1.GreetRequest.name = 1 string",
        "toy.v1.GreetResponse.said = 1 string",
    ]


def test_it_generates_once_and_again_after_a_change(checkout: Path) -> None:
    assert build_protos(checkout)
    made = checkout / GENERATED / "toy" / "v1"
    assert {path.name for path in made.iterdir()} == {
        "__init__.py",
        "toy_pb2.py",
        "toy_pb2.pyi",
        "toy_pb2_grpc.py",
    }
    assert not build_protos(checkout)
    rewrite(
        checkout, "string name = 1;", "string name = 1; // who\n  // How often.\n  int32 n = 2;"
    )
    assert build_protos(checkout)
    assert "n: int" in (made / "toy_pb2.pyi").read_text()


def test_what_protoc_refuses_is_told_and_leaves_the_old_code(checkout: Path) -> None:
    build_protos(checkout)
    rewrite(checkout, "string name", "strong name")
    with pytest.raises(ProtoBuildError, match=r"toy\.proto[^$]*strong[^$]*\nhint: "):
        build_protos(checkout)
    assert (checkout / GENERATED / "toy" / "v1" / "toy_pb2.py").exists()
    assert not list(checkout.glob(".protos-*"))


def test_a_source_archive_needs_no_protos(tmp_path: Path) -> None:
    with pytest.raises(ProtoBuildError, match="hint: build from a complete checkout"):
        build_protos(tmp_path)
    (tmp_path / GENERATED).mkdir(parents=True)
    (tmp_path / GENERATED / "__init__.py").touch()
    assert not build_protos(tmp_path)


def test_no_protoc_is_told_with_a_hint(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(ProtoBuildError, match="hint: pip install grpcio-tools"):
        build_protos(checkout)


def test_generated_code_finds_itself_inside_the_package() -> None:
    script = (
        "import conduit.surfaces.grpc.generated.agent.agent_pb2_grpc\n"
        "import conduit.surfaces.grpc.generated.conduit.v1.blocks_pb2_grpc\n"
        "import sys; assert 'agent' not in sys.modules\n"
    )
    root = Path(hatch_build.__file__).parent
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
