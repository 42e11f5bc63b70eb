"""``conduit``, forked: hands over its files, arguments, folder and environment, passes signals on,
and ends as what was forked did. Loads next to nothing, for it is started often."""

import json
import os
import signal
import socket
import sys

path = os.environ.get("TEST_FORKS")
if not path:
    os.execv(sys.executable, [sys.executable, "-m", "conduit.cli", *sys.argv[1:]])
talk = socket.socket(socket.AF_UNIX)
talk.connect(path)
asked = json.dumps({"words": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}).encode()
socket.send_fds(talk, [len(asked).to_bytes(8)], [0, 1, 2])
talk.sendall(asked)
pid = int.from_bytes(talk.recv(4, socket.MSG_WAITALL))
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(pid, number))
status = int.from_bytes(talk.recv(4, socket.MSG_WAITALL))
if os.WIFSIGNALED(status):
    signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
sys.exit(os.waitstatus_to_exitcode(status))
