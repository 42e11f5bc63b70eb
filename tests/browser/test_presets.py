"""Presets in a real browser: kept, looked into, applied, undone, shared, and morphed."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.process import Server
from tests.browser.test_page import AUDIT, AXE, OVERFLOW, RULES

HOSTILE = "<img src=x onerror=alert(1)>"


def row(page: Page, name: str) -> Locator:
    return page.locator("details.preset", has_text=name).first


def asked(server: Server, prompt: str, session: str) -> None:
    server.post("/ask", prompt=prompt, session=session, provider="offline")


@pytest.fixture(scope="module")
def grooves(server: Server) -> None:
    """Two presets with a groove."""
    for style in ("dub", "acid"):
        asked(server, f"4 bars of {style}", style)
        server.post("/presets", name=style, session=style, about=f"{style} {HOSTILE}")


@pytest.mark.usefixtures("grooves")
def test_all_of_it_by_keyboard(open_page: OpenPage, server: Server, tmp_path: Path) -> None:
    page = open_page(expected_complaint="status of 4")  # what is refused is, to the console, too
    session = page.evaluate("localStorage.getItem('conduit.session')")
    asked(server, "2 bars of minimal", session)
    page.get_by_role("link", name="Presets").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name").focus()
    page.keyboard.type("My Night")
    page.keyboard.press("Tab")
    page.keyboard.type("for later")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Saved")).to_contain_text("Saved my-night.")
    page.get_by_label("Name").fill("my-night")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("there is a preset 'my-night' already")
    page.get_by_role("button", name="Replace it").click()
    expect(page.get_by_role("alert")).to_have_count(0)

    summary = row(page, "my-night").locator("summary")
    summary.focus()
    page.keyboard.press("Enter")
    mine = row(page, "my-night")
    expect(mine.locator(".preset-facts")).to_contain_text("Minimal 125 BPM, 2 bars")
    expect(mine.locator(".lane").first).to_have_attribute("aria-label", "kick")
    with page.expect_download() as download:
        mine.get_by_role("button", name="Export").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "my-night.preset.yaml"
    assert "conduit: preset" in file.read_text()

    server.post(
        "/providers/add", name="spare", type="ollama", base_url="http://127.0.0.1:9", model="m"
    )
    mine.get_by_role("button", name="Apply …").focus()
    page.keyboard.press("Enter")
    question = page.get_by_role("group", name="Apply my-night?")
    # Other tests may have added providers to the server while it runs.
    expect(question).to_contain_text(re.compile(r"No provider, group or setting changes|provider "))
    expect(question.get_by_role("button", name="Apply")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(summary).to_be_focused()
    mine.get_by_role("button", name="Apply …").click()
    page.keyboard.press("Enter")
    told = page.get_by_role("status").filter(has_text="Applied")
    expect(told).to_contain_text("Applied my-night.")
    expect(page.get_by_role("button", name="spare")).to_have_count(0)
    told.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").filter(has_text="Undone")).to_be_visible()
    expect(page.get_by_role("button", name="spare")).to_have_count(1)

    mine.get_by_role("button", name="Delete …").click()
    page.keyboard.press("Enter")
    expect(page.locator("details.preset", has_text="my-night")).to_have_count(0)
    page.get_by_label("Preset file").set_input_files(file)
    expect(page.get_by_role("status").filter(has_text="Kept")).to_contain_text("Kept my-night.")
    file.write_text("conduit: preset\nversion: 9\n")
    page.get_by_label("Preset file").set_input_files(file)
    expect(page.get_by_role("alert")).to_contain_text("it is not 1")
    for broken in (b"", b"MThd\x00\x00", b"a: b\n" * 60_000):
        file.write_bytes(broken)
        page.get_by_label("Preset file").set_input_files(file)
        expect(page.get_by_role("alert")).to_contain_text("my-night.preset.yaml is no preset")
        page.get_by_label("Name").fill("dub")
        page.get_by_role("button", name="Save").click()  # so that the next one is said anew
        expect(page.get_by_role("alert")).to_contain_text("already")
    mine.locator("summary").click()
    expect(mine.locator(".preset-facts")).to_be_visible()
    httpx.delete(f"{server.url}/presets/my-night").raise_for_status()
    mine.get_by_role("button", name="Apply …").click()
    expect(mine.get_by_role("alert")).to_contain_text("there is no preset 'my-night'")
    expect(mine.get_by_role("button", name="Apply …")).to_be_visible()


@pytest.mark.usefixtures("grooves")
@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1280, "dark")])
def test_a_fader_between_two_grooves(open_page: OpenPage, width: int, scheme: str) -> None:
    # The audit is a script of another origin to the page's policy, so that is off here.
    page = open_page(width=width, scheme=scheme, bypass_csp=True)
    page.get_by_role("link", name="Presets").click()
    page.get_by_role("combobox", name="From").select_option("dub")
    page.get_by_role("combobox", name="To").select_option("acid")
    card = page.locator(".groove")
    expect(card).to_contain_text("50 % from Dub 122 BPM to Acid 128 BPM")
    fader = page.get_by_label("How far")
    fader.focus()
    page.keyboard.press("Home")
    expect(card).to_contain_text("bpm122")
    expect(card.get_by_role("heading")).to_have_text("Dub 122 BPM")
    card.get_by_role("button", name="Play").click()
    expect(card).to_have_attribute("data-playing", "true")
    fader.focus()
    for _ in range(4):
        page.keyboard.press("PageUp")
    expect(card).to_contain_text("40 % from Dub 122 BPM to Acid 128 BPM")
    expect(card).to_have_attribute("data-playing", "true")
    card.get_by_role("button", name="Stop").click()
    row(page, "dub").locator("summary").click()
    row(page, "dub").get_by_role("button", name="Delete …").click()
    assert page.evaluate(OVERFLOW) == 0
    assert page.locator("img").count() == 0
    if AXE.exists():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(AUDIT, RULES) == []
