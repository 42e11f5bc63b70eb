"""Direct dependencies: each is used, each use is declared, each has its row in the docs."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import files, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import conduit

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUN = {canonicalize_name(Requirement(each).name) for each in PROJECT["project"]["dependencies"]}
EXTRAS = {
    canonicalize_name(Requirement(each).name)
    for extra in PROJECT["project"]["optional-dependencies"].values()
    for each in extra
}

FOUND_BY_NAME = {"pydantic-monty", "python-multipart", "ray"}
"""Ray is imported by its name, so that nothing but its engine needs it; the reader of forms by
Starlette; and pydantic-monty is two packages, of which the other is imported."""
BROUGHT_ALONG = {
    "anyio", "httpx2", "mcp-types", "opentelemetry-api", "pyarrow", "pydantic",
    "pydantic-monty-client",
}  # fmt: skip
"""The types of OpenTelemetry's SDK are its API's, Ray Data's tables are Arrow's; what the SDK of
MCP takes and gives are types of others."""


def imported_by_the_package() -> set[str]:
    """Distributions behind every import in ``src``, in functions too."""
    owners = packages_distributions()
    found: set[str] = set()
    for file in Path(conduit.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                modules = [node.module]
            for module in modules:
                root = module.partition(".")[0]
                if root not in sys.stdlib_module_names | {"conduit"}:
                    found |= owner_of(module, owners.get(root, [root]))
    return {canonicalize_name(name) for name in found}


def owner_of(module: str, distributions: list[str]) -> set[str]:
    """The one with that module, where several share a name at the top, as OpenTelemetry's do."""
    if len(set(distributions)) == 1:
        return set(distributions)
    path = module.replace(".", "/")
    return {
        name
        for name in distributions
        if {f"{path}.py", f"{path}/__init__.py"} & {str(file) for file in files(name) or ()}
    }


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    declared = (RUN | EXTRAS) - FOUND_BY_NAME
    assert imported_by_the_package() - BROUGHT_ALONG == declared


def test_the_docs_have_a_row_for_each() -> None:
    groups = PROJECT["dependency-groups"].values()
    tools = {canonicalize_name(Requirement(each).name) for group in groups for each in group}
    rows = re.findall(r"^\| ([a-z][\w, -]+?) \|", (ROOT / "docs/dependencies.md").read_text(), re.M)
    explained = {canonicalize_name(name) for row in rows for name in row.split(", ")}
    assert explained == RUN | tools
