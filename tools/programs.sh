#!/bin/sh
# Three programs that no Python package brings and some tests want: a Chromium for the web page,
# curl for the examples in docs/, and on Linux bubblewrap for one of the sandboxes. Take them from
# the distribution where that needs no password; otherwise say how in one line, and those tests
# skip and say so.
set -eu
cd "$(dirname "$0")/.."

has() { command -v "$1" >/dev/null 2>&1; }

missing=""
has chromium || has chromium-browser || has google-chrome || missing="chromium"
has curl || missing="${missing:+$missing }curl"
[ "$(uname)" != Linux ] || has bwrap || missing="${missing:+$missing }bubblewrap"
[ -n "$missing" ] || exit 0

hint="without $missing some tests skip; to have them all: sudo apt-get install $missing"
root=""
[ "$(id -u)" = 0 ] || root="sudo -n"
if ! has apt-get || ! $root true 2>/dev/null; then
    echo "conduit: $hint"
    exit 0
fi

echo "conduit: installing $missing with apt, for the tests"
mkdir -p .tools
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # several words each
{ $root apt-get update && $root apt-get install --yes --no-install-recommends $missing; } \
    >.tools/apt.log 2>&1 </dev/null || echo "conduit: that failed (.tools/apt.log); $hint"
