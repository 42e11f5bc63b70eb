"""A piece of the web inside a test: any host over real TLS, reached through a real CONNECT proxy.

A program that honours HTTPS_PROXY and SSL_CERT_FILE fetches ``https://example.com`` from here and
notices nothing, so that it runs word for word without a network:

    with FakeWeb({"https://example.com/": Page("<h1>Hello</h1>")}) as web:
        subprocess.run([sys.executable, "script.py"], env={**os.environ, **web.environment})
        assert web.seen == ["CONNECT example.com:443", "GET https://example.com/"]

The proxy answers for the hosts by itself, with a certificate that the ``openssl`` program makes
when it starts; other hosts get 502. Plain ``http`` addresses work too. It runs in threads of its
own.
"""

from __future__ import annotations

import socketserver
import ssl
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Page:
    """What is answered: a text, sent as UTF-8."""

    text: str
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)

    def encoded(self) -> bytes:
        body = self.text.encode()
        head = [f"HTTP/1.1 {self.status} Whatever", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*head, "Connection: close", "", ""]).encode() + body


class FakeWeb:
    """The proxy and what lies behind it. ``pages`` are by full address, query included."""

    def __init__(self, pages: dict[str, Page]) -> None:
        self.pages = pages
        self.seen: list[str] = []
        """What was asked for, in order: ``CONNECT host:port``, ``GET https://host/path``."""
        self.heads: list[str] = []
        """The heads of those requests, as they came."""
        self._folder = tempfile.TemporaryDirectory()
        self._proxy = _Server(self)

    @property
    def hosts(self) -> list[str]:
        return sorted({urlsplit(url).hostname or "" for url in self.pages})

    @property
    def certificate(self) -> Path:
        """The certificate of all hosts, which is its own authority."""
        return Path(self._folder.name) / "certificate.pem"

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self._proxy.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What a child process needs to see this web and no other; localhost stays itself."""
        given = {"HTTP_PROXY": self.proxy, "HTTPS_PROXY": self.proxy}
        given["NO_PROXY"] = "127.0.0.1,localhost"
        lower = {name.lower(): value for name, value in given.items()}
        return {**given, **lower, "SSL_CERT_FILE": str(self.certificate)}

    def __enter__(self) -> Self:
        self._proxy.tls = self._make_certificate()
        threading.Thread(target=self._proxy.serve_forever, args=(0.02,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()  # waits for its threads
        self._folder.cleanup()

    def _make_certificate(self) -> ssl.SSLContext:
        key = self.certificate.with_name("key.pem")
        names = ",".join(f"DNS:{host}" for host in self.hosts)
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        )
        files = ["-keyout", str(key), "-out", str(self.certificate)]
        subject = ["-subj", "/CN=fake web", "-addext", f"subjectAltName={names}"]
        subprocess.run([*command.split(), *subject, *files], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        return context


class _Server(socketserver.ThreadingTCPServer):
    tls: ssl.SSLContext

    def __init__(self, web: FakeWeb) -> None:
        self.web = web
        super().__init__(("127.0.0.1", 0), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    """One connection: a CONNECT and what comes through it, or one plain request."""

    server: _Server

    def handle(self) -> None:
        self.request.settimeout(_PATIENCE_S)
        method, target = self._asked(self.request, "")
        if method != "CONNECT":
            self._answer(self.request, target)
            return
        host = target.rpartition(":")[0]
        if host not in self.server.web.hosts:
            self.request.sendall(Page("no such host", 502).encoded())
            return
        self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            with self.server.tls.wrap_socket(self.request, server_side=True) as inner:
                self._answer(inner, self._asked(inner, f"https://{host}")[1])
        except OSError:  # the client does not like the certificate, or hung up: its choice
            return

    def _asked(self, sock: Any, origin: str) -> tuple[str, str]:
        """Read a request up to its head, and note it; returns its method and address."""
        head = b""
        while b"\r\n\r\n" not in head and (data := sock.recv(65536)):
            head += data
        text = head.partition(b"\r\n\r\n")[0].decode("latin-1")
        method, target, *_ = [*text.split(" "), "", ""]
        self.server.web.seen.append(f"{method} {origin}{target}")
        self.server.web.heads.append(text)
        return method, origin + target

    def _answer(self, sock: Any, url: str) -> None:
        sock.sendall(self.server.web.pages.get(url, Page("no such page", 404)).encoded())
