"""A real server process and a real browser. Without a Chromium these tests skip and say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.browser.process import Server, running_server

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=20_000)  # a slow machine is given more than the usual five seconds

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here; to run this: sudo apt-get install chromium")
    home = tmp_path_factory.mktemp("server")
    (home / "access.yaml").write_text("approve: [docs.answer]\n")  # a person is asked first
    with running_server(home) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here; to run this: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[OpenPage]:
    """Opens Studio in a browser of its own: ``open_page(width=375, height=800, scheme="light")``.

    At the end of the test nothing may have gone to another host, and nothing may have been
    complained about in the console, except what the test named in ``expected_complaint``.
    """
    foreign: list[str] = []
    complaints: list[str] = []
    contexts = []

    def open_it(
        width: int = 1280,
        height: int = 860,
        scheme: str = "dark",
        url: str = server.url,
        expected_complaint: str = "",
        **options: object,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)

        def watch(request: Request) -> None:
            if not request.url.startswith((url, "data:", "blob:")):
                foreign.append(request.url)

        def complain(text: str) -> None:
            if not expected_complaint or expected_complaint not in text:
                complaints.append(text)

        page.on("request", watch)
        page.on("pageerror", lambda error: complain(str(error)))
        page.on(
            "console",
            lambda message: (
                complain(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        page.goto(url)
        page.get_by_role("button", name="offline").wait_for()
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert foreign == []
    assert complaints == []
