#!/bin/sh
# Put the locked uv into .tools/bin, from whatever this machine's Python can do.
#
# A distribution's Python may have no pip, no ensurepip, or forbid pip to touch it (PEP 668).
# `pip install --target` is allowed under PEP 668; a venv needs ensurepip; failing both, the
# distribution's own python3-venv package is installed when that needs no password.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'conduit: %s\n' "$*" >&2; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    say "no Python 3.11 or newer found; install one, or name it: make install PYTHON=/path/to/python3"
    return 1
}

can() { "$python" -c "import $1" 2>/dev/null; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

install_distribution_venv() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || return 1
    say "this Python cannot make environments yet; installing python3-venv with apt"
    export DEBIAN_FRONTEND=noninteractive
    { as_root apt-get update && as_root apt-get install --yes --no-install-recommends python3-venv; } \
        >.tools/apt.log 2>&1 </dev/null || { tail -n 5 .tools/apt.log >&2; return 1; }
}

install_uv() {
    locked="--require-hashes --requirement requirements/bootstrap.txt"
    # shellcheck disable=SC2086  # two options each
    if can pip; then
        "$python" -m pip install --quiet --no-warn-script-location \
            --target .tools/uv $locked
    elif can ensurepip; then
        "$python" -m venv --clear .tools/uv
        .tools/uv/bin/python -m pip install --quiet $locked
    elif command -v uv >/dev/null; then
        uv pip install --quiet --python "$python" --target .tools/uv $locked
    else
        return 1
    fi
}

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
mkdir -p .tools/bin
python=$(find_python)
rm -rf .tools/uv
say "setting up with $python"
if ! can pip && ! can ensurepip && ! command -v uv >/dev/null; then
    install_distribution_venv || {
        say "this Python has neither pip nor venv; run: sudo apt-get install python3-venv"
        exit 1
    }
fi
install_uv
printf '%s\n' "$python" >.tools/python
ln -sf ../uv/bin/uv .tools/bin/uv
.tools/bin/uv --version >/dev/null
