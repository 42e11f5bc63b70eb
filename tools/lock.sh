#!/bin/sh
# Compile pyproject.toml to requirements/*.txt: every version pinned, every file by its hash,
# for every platform, and no address of any server. Arguments go to uv (--upgrade).
set -eu
cd "$(dirname "$0")/.."
uv=.tools/bin/uv

compile() {
    output=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --custom-compile-command "make lock" --output-file "requirements/$output.txt" "$@"
}

# Later ones are held to the versions of the earlier ones, so that they install together.
compile run pyproject.toml "$@"
compile dev pyproject.toml --all-extras --group dev --constraints requirements/run.txt "$@"
compile build --group build --constraints requirements/dev.txt "$@"
compile bootstrap --group bootstrap "$@"

# npm notes where each package's authors may be given money; a lock names no host.
python3 - studio/package-lock.json <<'END'
import json, sys

path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    lock = json.load(file)
for package in lock["packages"].values():
    package.pop("funding", None)
with open(path, "w", encoding="utf-8") as file:
    file.write(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
END
