"""Ways out by what the kernel keeps for a program: memory that no process is charged for, calls,
and the first process of the sandbox."""

from __future__ import annotations

import sys

from conduit.tools.code.inside import seccomp
from tests.tools.code.escape import Escape, tries

_MEMORY_BY_HAND = (
    "import ctypes, os, time\n"
    "libc = ctypes.CDLL(None)\n"
    "libc.mmap.restype = ctypes.c_size_t\n"
    "libc.mmap.argtypes = [ctypes.c_size_t] * 2 + [ctypes.c_int] * 3 + [ctypes.c_long]\n"
)
_REFUSED = seccomp.refused() if sys.platform == "linux" and seccomp.is_known() else {}

OF_THE_KERNEL = (
    tries(
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
    tries(
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
    tries(
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
