"""Ways out of a sandbox, each a program that prints ESCAPED when it got out.

``whys`` are the ends that are right for it; ``said`` is what must be in what it printed, or in the
reason: what stopped it, in words.
"""

from __future__ import annotations

from tests.tools.code.escape import Escape, tries
from tests.tools.code.kernel_escapes import OF_THE_KERNEL

ESCAPES = (
    Escape(
        "fork bomb",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        ("time", "memory"),
        seconds=1.2,
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
    tries(
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
    tries("DNS", "socket.getaddrinfo('example.com', 80)"),
    tries(
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
    tries(
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
    tries(
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
    tries(
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
    tries(
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
    *OF_THE_KERNEL,
)
