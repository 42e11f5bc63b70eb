"""A sound that is dropped onto the page, or chosen: heard, shown, and sat like."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from conduit.audio import render_song, wav_bytes
from conduit.rhythm import STYLES, Style, render
from tests.browser.conftest import OpenPage
from tests.browser.test_page import AUDIT, AXE, OVERFLOW, RULES, answered

DROP = """(dropped) => {
  const files = new DataTransfer();
  for (const [name, data] of dropped) {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    files.items.add(new File([bytes], name));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const options = { dataTransfer: files, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new DragEvent(kind, options));
    if (kind === "dragover") window.zone = document.querySelector(".drop-zone") !== null;
  }
}"""


@pytest.fixture(scope="module")
def loop() -> bytes:
    return wav_bytes(render_song(render(STYLES[Style.HARD], bars=2, swing=60).song()))


def drop(page: Page, **files: bytes) -> None:
    """All of them at once."""
    found = [[name, base64.b64encode(data).decode()] for name, data in files.items()]
    page.evaluate(DROP, found)


def test_a_sound_is_dropped_and_the_hats_sit_like_it(
    open_page: OpenPage, loop: bytes, tmp_path: Path
) -> None:
    page = open_page()
    drop(page, **{"a <b> break.wav": loop})
    card = page.locator(".sound")
    card.wait_for()
    expect(card).to_contain_text("a <b> break.wav")
    expect(card).to_contain_text("BPM")
    expect(card.get_by_role("img")).to_have_accessible_name(re.compile("16 steps play"))
    expect(page.get_by_role("status").filter(has_text="Heard a <b> break.wav")).to_have_count(1)
    card.get_by_role("button", name="8 bars of minimal with hats like this loop").click()
    page.locator(".groove").wait_for()
    answered(page)
    expect(page.locator(".turn").last).to_contain_text("sits like a <b> break.wav")
    groove = page.locator(".groove")
    groove.get_by_role("button", name="Play").click()
    expect(groove).to_have_attribute("data-playing", "true")
    page.reload()
    expect(page.locator(".sound")).to_contain_text("a <b> break.wav")
    (tmp_path / "second.wav").write_bytes(loop)
    page.get_by_label("A sound to hear").set_input_files(tmp_path / "second.wav")
    expect(page.locator(".sound").last).to_contain_text("second.wav")
    page.get_by_role("button", name="New session").click()
    expect(page.locator(".sound")).to_have_count(0)


def test_what_is_no_sound_is_said(open_page: OpenPage, loop: bytes) -> None:
    page = open_page(expected_complaint="400")
    page.get_by_role("link", name="Presets").click()
    drop(page, **{"groove.mid": b"MThd" + bytes(20), "empty.wav": b"", "loop.wav": loop})
    expect(page.locator(".sound")).to_have_count(1)
    expect(page.locator(".notice")).to_have_count(2)
    expect(page.locator(".notice").first).to_contain_text("groove.mid: ")
    expect(page.locator(".notice").last).to_contain_text("empty.wav: ")
    expect(page.locator(".notice").last).to_be_in_viewport(ratio=1)
    page.get_by_label("Prompt").fill("which styles are there?")
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (1280, "light")])
def test_the_card_fits_and_reads_well(
    open_page: OpenPage, loop: bytes, width: int, scheme: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not there; to run this: python tools/npm.py test")
    page = open_page(width=width, height=812, scheme=scheme, bypass_csp=True)
    drop(page, **{"a break with a very long name that goes on and on and on.wav": loop})
    page.locator(".sound").wait_for()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(AUDIT, RULES) == []
    assert page.evaluate(OVERFLOW) == 0
