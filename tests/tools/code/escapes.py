"""Ways out of a sandbox, each a program that prints ESCAPED when it got out.

``whys`` are the ends that are right for it; ``said`` is what must be in what it printed, or in the
reason: what stopped it, in words.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from conduit.tools.code.inside import seccomp

ALL_RIGHT = ("ok",)


@dataclass(frozen=True)
class Escape:
    """``outside`` in the code stands for a folder of this machine with a secret in it."""

    name: str
    code: str
    whys: tuple[str, ...] = ALL_RIGHT
    said: str = ""
    seconds: float = 2.5


_MEMORY_BY_HAND = (
    "import ctypes, os, time\n"
    "libc = ctypes.CDLL(None)\n"
    "libc.mmap.restype = ctypes.c_size_t\n"
    "libc.mmap.argtypes = [ctypes.c_size_t] * 2 + [ctypes.c_int] * 3 + [ctypes.c_long]\n"
)
_REFUSED = seccomp.refused() if sys.platform == "linux" and seccomp.is_known() else {}


def _tries(name: str, *attempts: str, said: str = "contained") -> Escape:
    """A program whose attempts must all raise ``OSError``."""
    body = "import os, sys, socket, ctypes, signal\n"
    for each in attempts:
        lines = "\n".join(f"    {line}" for line in each.splitlines())
        body += f"try:\n{lines}\n    print('ESCAPED', {each[:40]!r})\n"
        body += "except OSError as error:\n    print('contained', error)\n"
    return Escape(name, body, said=said)


ESCAPES = (
    Escape(
        "fork bomb",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        ("time", "memory"),
    ),
    Escape(
        "threads without end",
        "import threading, time\n"
        "while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        ("error", "memory"),
    ),
    Escape("fill memory", "kept = bytearray(1 << 40)", ("memory",), "MiB of memory"),
    Escape(
        "fill memory bit by bit",
        "kept = []\nwhile True: kept.append(bytearray(1 << 20))",
        ("memory",),
        "MiB of memory",
    ),
    Escape(
        "fill memory in many processes",
        "import os, time\n"
        "for _ in range(8):\n"
        "    if not os.fork():\n"
        "        kept = bytearray(b'x') * (60 << 20)\n"
        "        time.sleep(60)\n"
        "time.sleep(60)",
        ("memory",),
        "MiB of memory",
    ),
    Escape(
        "fill memory where nobody can look",
        "import ctypes, os, time\n"
        "for _ in range(8):\n"
        "    if not os.fork():\n"
        "        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"
        "        kept = bytearray(b'x') * (60 << 20)\n"
        "        time.sleep(60)\n"
        "time.sleep(60)",
        ("memory",),
        "MiB of memory",
    ),
    Escape(
        "fill memory behind a thread that ended",
        "import ctypes, os, threading, time\n"
        "def fill():\n"
        "    time.sleep(0.1)\n"
        "    kept = bytearray(b'x') * (60 << 20)\n"
        "    time.sleep(60)\n"
        "for _ in range(6):\n"
        "    if not os.fork():\n"
        "        threading.Thread(target=fill).start()\n"
        "        end = 60 if os.uname().machine == 'x86_64' else 93\n"
        "        ctypes.CDLL(None).syscall(end, 0)\n"
        "time.sleep(60)",
        ("memory",),
        "MiB of memory",
    ),
    Escape("sleep for ever", "import time\ntime.sleep(10**6)", ("time",), "stopped after", 1.0),
    Escape("busy loop", "while True: pass", ("time",), "stopped after", 1.0),
    Escape(
        "ignore being asked to end",
        "import signal, time\n"
        "for n in range(1, 32):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except OSError: pass\n"
        "time.sleep(60)",
        ("time",),
        seconds=1.0,
    ),
    Escape("endless output", "while True: print('x' * 1000)", ("output",), "bytes of output"),
    Escape(
        "endless errors",
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        ("output",),
        "bytes of output",
    ),
    Escape(
        "huge file",
        "with open('huge', 'wb') as file:\n    while True: file.write(bytes(1 << 20))",
        ("error",),
        "File too large",
    ),
    Escape(
        "fill the scratch folder",
        "for n in range(1000):\n    open(f'f{n}', 'wb').write(bytes(1 << 20))",
        ("error",),
        "No space left",
    ),
    Escape(
        "many files",
        "n = 0\nwhile True:\n    open(f'f{n}', 'w').close()\n    n += 1",
        ("output", "error"),
    ),
    _tries(
        "sockets",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_INET6, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_UNIX).bind('\\0abstract')",
        "socket.socketpair(socket.AF_INET)",
        "socket.create_connection(('127.0.0.1', 80), 1)",
    ),
    _tries("DNS", "socket.getaddrinfo('example.com', 80)"),
    _tries(
        "files of the machine",
        "open('/etc/passwd').read()",
        "open('/etc/shadow').read()",
        "os.listdir('/etc/ssl')",
        "os.listdir('/home')",
        "os.listdir('/var')",
        "os.listdir('/root/.ssh')",
        "os.listdir('/tmp')",
        "os.listdir('outside')",
        "open('outside/secret').read()",
        "open('outside/../secret').read()",
    ),
    _tries(
        "processes of the machine",
        "os.listdir('/proc/1/fd')",
        "open('/proc/1/environ').read()",
        "open('/proc/1/mem', 'r+b')",
        "open('/proc/1/root/etc/passwd').read()",
        "open('/proc/sys/kernel/hostname', 'w')",
        "open('/proc/sysrq-trigger', 'w')",
        "open('/sys/kernel/uevent_helper', 'w')",
    ),
    Escape(
        "secrets in the environment",
        "import os\n"
        "found = str(os.environ)\n"
        "try: found += open('/proc/self/environ').read()\n"
        "except OSError: pass\n"
        "print('ESCAPED' if 'SECRET' in found or 'CONDUIT' in found else 'contained')",
        said="contained",
    ),
    _tries(
        "write outside of the scratch folder",
        "open('/x', 'w')",
        "open('/usr/x', 'w')",
        "open('/tmp/x', 'w')",
        "open('/dev/x', 'w')",
        "open('/dev/shm/x', 'w')",
        "open(os.__file__, 'a')",
        "os.mkdir('/x')",
        "open('outside/x', 'w')",
        "os.chmod(sys.executable, 0o777)",
        "os.unlink(sys.executable)",
    ),
    _tries(
        "links out",
        "os.symlink('outside/secret', 'a'); open('a').read()",
        "os.symlink('/etc/passwd', 'b'); open('b').read()",
        "os.symlink('/', 'c'); open('c/etc/passwd').read()",
        "os.link('/usr/bin/env', 'd')",
        "os.link(sys.executable, 'e')",
    ),
    Escape(
        "a zip through a link",
        "import os, zipfile\n"
        "os.symlink('/etc', 'etc'); os.symlink('outside', 'out')\n"
        "with zipfile.ZipFile('all.zip', 'w') as z:\n"
        "    for top, _, names in os.walk('.', followlinks=True):\n"
        "        for name in names:\n"
        "            path = os.path.join(top, name)\n"
        "            if name != 'all.zip' and os.path.exists(path): z.write(path)\n"
        "    print('ESCAPED' if any('passwd' in n or 'secret' in n for n in z.namelist())"
        " else 'contained')",
        said="contained",
    ),
    _tries(
        "device nodes",
        "os.mknod('disk', 0o660 | 0x6000, os.makedev(8, 0))",
        "os.mknod('memory', 0o660 | 0x2000, os.makedev(1, 1))",
        "open('/dev/sda', 'rb')",
        "open('/dev/mem', 'rb')",
        "open('/dev/tty', 'w')",
        "open('/dev/kmsg', 'w')",
    ),
    Escape(
        "calls that only an owner may make",
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "calls = {\n"
        "    'mount': lambda: libc.mount(b'none', b'/scratch', b'tmpfs', 0, None),\n"
        "    'umount': lambda: libc.umount2(b'/scratch', 2),\n"
        "    'remount': lambda: libc.mount(b'none', b'/', None, 32, None),\n"
        "    'chroot': lambda: libc.chroot(b'/scratch'),\n"
        "    'unshare users': lambda: libc.unshare(0x10000000),\n"
        "    'unshare mounts': lambda: libc.unshare(0x20000),\n"
        "    'setns': lambda: libc.setns(0, 0),\n"
        "    'ptrace 1': lambda: libc.ptrace(16, 1, 0, 0),\n"
        "    'ptrace me': lambda: libc.ptrace(0, 0, 0, 0),\n"
        "    'ptrace parent': lambda: libc.ptrace(16, os.getppid(), 0, 0),\n"
        "    'setuid': lambda: libc.setuid(0),\n"
        "    'setgid': lambda: libc.setgid(0),\n"
        "    'setresuid': lambda: libc.setresuid(0, 0, 0),\n"
        "    'hostname': lambda: libc.sethostname(b'x', 1),\n"
        "    'reboot': lambda: libc.reboot(0x1234567),\n"
        "    'bpf': lambda: libc.syscall(321, 0, 0, 0),\n"
        "    'io_uring': lambda: libc.syscall(425, 8, 0),\n"
        "    'keyctl': lambda: libc.syscall(250, 0, 0),\n"
        "    'memfd': lambda: libc.memfd_create(b'x', 0),\n"
        "    'shmget': lambda: libc.shmget(0, 4096, 0o1600),\n"
        "    'clone users': lambda: libc.syscall(56, 0x10000011, 0, 0, 0, 0),\n"
        "    'x32': lambda: libc.syscall(0x40000000 + 41, 2, 1, 0),\n"
        "    'type into a terminal': lambda: libc.ioctl(0, 0x5412, b'x'),\n"
        "    'a call of tomorrow': lambda: libc.syscall(460, 0, 0),\n"
        "}\n"
        "for name, call in calls.items():\n"
        "    print('contained' if call() < 0 else 'ESCAPED', name, ctypes.get_errno())",
        said="contained",
    ),
    Escape(
        "kill everybody",
        "import os, signal\n"
        "os.kill(os.getppid(), signal.SIGKILL) if os.getppid() > 1 else None\n"
        "for pid in (1, -1):\n"
        "    try: os.kill(pid, signal.SIGKILL)\n"
        "    except OSError as error: print(error)\n"
        "print('still here')",
        ("ok", "killed"),
    ),
    Escape(
        "signals to the parent",
        "import os, signal\n"
        "for n in (2, 9, 11, 13, 15, 19, 23, 24):\n"
        "    try: os.kill(os.getppid(), n)\n"
        "    except OSError as error: pass\n"
        "print('contained')",
        said="contained",
    ),
    Escape(
        "leave a daemon behind",
        "import os, time\n"
        "if not os.fork():\n"
        "    os.setsid()\n"
        "    if not os.fork():\n"
        "        os.execv('/usr/bin/env', ['env', 'sleep', '71.625'])\n"
        "    os._exit(0)\n"
        "time.sleep(0.3)\nprint('contained')",
        said="contained",
    ),
    Escape(
        "files that were left open",
        "import os\n"
        "found = []\n"
        "for n in range(3, 1024):\n"
        "    try: os.fstat(n); found.append(n)\n"
        "    except OSError: pass\n"
        "print('ESCAPED' if found else 'contained', found)",
        said="contained",
    ),
    Escape(
        "more open files than a few",
        "kept = [open('/dev/null') for _ in range(1000)]",
        ("error",),
        "Too many open files",
    ),
    Escape(
        "output that is not UTF-8",
        "import os\nos.write(1, bytes(range(256)))\nos.write(2, b'\\xff\\xfe\\x00')",
    ),
    Escape("names that are not UTF-8", "open(b'\\xff\\xfe', 'w').close()"),
    Escape("end by a signal", "import os\nos.kill(os.getpid(), 11)", ("killed",), "SIGSEGV"),
    Escape("abort", "import os\nos.abort()", ("killed",), "SIGABRT"),
    Escape(
        "lie to whoever reads the report",
        "import os\n"
        "for n in range(3, 64):\n"
        '    try: os.write(n, b\'{"why": "ended", "status": 0}\'); print(\'ESCAPED\')\n'
        "    except OSError: pass\n"
        "print('contained')",
        said="contained",
    ),
    Escape(
        "folders without end",
        "import os\n"
        "try:\n"
        "    for _ in range(3000): os.mkdir('d'); os.chdir('d')\n"
        "except OSError as error: print('contained', error)\n"
        "print('contained')",
        ("ok", "output"),
    ),
    Escape(
        "files that nobody may read",
        "import os\n"
        "os.mkfifo('pipe') if False else None\n"
        "open('x', 'w').write('x'); os.chmod('x', 0)\n"
        "os.mkdir('d'); os.chmod('d', 0)\n"
        "os.chmod('.', 0) if os.stat('.').st_uid == os.getuid() else None\n"
        "print('contained')",
        said="contained",
    ),
    _tries(
        "memory that belongs to nobody",
        "import mmap; mmap.mmap(-1, 1 << 20)",
        "import mmap; mmap.mmap(-1, 2 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)",
        "open('/dev/zero', 'r+b')",
        "open('/dev/shm/x', 'w+b')",
        "open('/dev/hugepages/x', 'w+b')",
    ),
    Escape(
        "tables that say where memory is",
        f"{_MEMORY_BY_HAND}"
        "for _ in range(8):\n"
        "    if not os.fork(): break\n"
        "for n in range(1, 30_000): ctypes.string_at(libc.mmap(n << 30, 4096, 1, 0x32, -1, 0), 1)\n"
        "time.sleep(60)",
        ("memory",),
        "MiB of memory",
    ),
    Escape(
        "memory in sockets",
        "import os, socket, time\n"
        "for _ in range(20):\n"
        "    if not os.fork(): break\n"
        "kept = []\n"
        "try:\n"
        "    while True: kept.extend(socket.socketpair())\n"
        "except OSError: pass\n"
        "for each in kept:\n"
        "    each.setblocking(False)\n"
        "    try: each.setsockopt(1, 7, 1 << 30); print('ESCAPED')\n"
        "    except OSError: pass\n"
        "    try:\n"
        "        while True: each.send(bytes(32768))\n"
        "    except OSError: pass\n"
        "time.sleep(60)",
        ("memory",),
        "MiB of memory",
    ),
    Escape(
        "locks without end",
        "import fcntl\n"
        "file = open('x', 'w')\n"
        "for n in range(10**9): fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * n)",
        ("memory",),
        "locks",
    ),
    _tries(
        "starve and cripple the first process",
        "import resource; resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))",
        "import resource; resource.prlimit(1, resource.RLIMIT_AS, (1, 1))",
        "os.sched_setaffinity(1, {0})",
        "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
        "os.setpriority(os.PRIO_PROCESS, 1, 19)",
        "os.setpriority(os.PRIO_USER, 0, 19)",
        "os.pidfd_open(1); open('/proc/1/oom_score_adj', 'w').write('1000')",
    ),
    Escape(
        "every call that is refused",
        "import ctypes\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        f"for name, number in {_REFUSED!r}.items():\n"
        "    made = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)\n"
        "    if (made, ctypes.get_errno()) != (-1, 1): print('ESCAPED', name, made)\n"
        "print('contained')",
        said="contained",
    ),
    Escape(
        "rules of Landlock without end",
        "import ctypes\n"
        "made = ctypes.CDLL(None).syscall(444, bytes(16), 16, 0)\n"
        "print('contained' if made < 0 else 'ESCAPED')",
        said="contained",
    ),
    Escape(
        "calls of another processor",
        "import ctypes, mmap, os\n"
        "if os.uname().machine != 'x86_64': os.kill(os.getpid(), 31)\n"
        "kept = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)\n"
        "kept.write(bytes.fromhex('b814000000cd80c3'))  # getpid by int 0x80\n"
        "at = ctypes.addressof(ctypes.c_char.from_buffer(kept))\n"
        "print('ESCAPED', ctypes.CFUNCTYPE(ctypes.c_int)(at)())",
        ("killed",),
        "SIGSYS",
    ),
    _tries(
        "ways round names",
        "os.listdir('/proc/self/fd')",
        "os.listdir('/proc/self/root/etc')",
        "os.listdir('/proc/thread-self/cwd/..')",
        "open('/dev/fd/0')",
        "open('/dev/stdin')",
        "open('/dev/ptmx', 'r+b')",
        "os.listdir('/sys/fs/cgroup')",
        "os.open('/', os.O_TMPFILE | os.O_RDWR)",
        "os.open('..', os.O_TMPFILE | os.O_RDWR)",
        "os.rename('main.py', '/main.py')",
        "os.mkfifo('pipe')",
    ),
    Escape(
        "signals and children without end",
        "import os, signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {40})\n"
        "sent = 0\n"
        "try:\n"
        "    for sent in range(20_000): os.kill(os.getpid(), 40); os.kill(1, 41)\n"
        "except OSError: pass\n"
        "dead = 0\n"
        "try:\n"
        "    for dead in range(1000):\n"
        "        if not os.fork(): os._exit(0)\n"
        "except OSError: pass\n"
        "print('contained' if dead < 100 else 'ESCAPED', sent, dead)",
        said="contained",
    ),
    Escape(
        "output on both ways that never ends",
        "import os\nwhich = 1 if os.fork() else 2\nwhile True: os.write(which, b'x' * 4096)",
        ("output",),
        "bytes of output",
    ),
    Escape(
        "names and sizes for whoever reads them",
        "import os\n"
        "long = chr(128512) * 62\n"
        "os.makedirs(f'{long}/{long}')\n"
        "for n in range(30):\n"
        "    with open(f'{long}/{long}/{long}{n}', 'wb') as file: file.write(bytes(131072))\n"
        "for n in range(60):\n"
        "    with open(f'sparse{n}', 'wb') as file: file.truncate(16 << 20)\n"
        "for name in (b'a\\nb', b'\\xff', b'\\xfe', b'\\x1b[2J', b'..\\\\..'):\n"
        "    open(name, 'w').close()\n"
        "os.symlink('/etc/passwd', 'link'); os.link('main.py', 'hard')",
    ),
)
