"""The page around the groove: keyboard, widths, themes, providers, and things that go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.process import Server, running_server
from tests.fakes.upstream import FakeUpstream

AXE = Path(__file__).parents[2] / "studio" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AUDIT = """async (rules) => {
  const { violations } = await axe.run({ runOnly: rules });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
}"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROOVE = "a warehouse groove, 4 bars, 136 bpm"


def answered(page: Page) -> None:
    expect(page.locator(".turn").last).not_to_have_attribute("data-state", "streaming")


def test_everything_by_keyboard(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.get_by_role("link", name="Skip to the prompt").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.get_by_role("link", name="Runs").focus()
    page.keyboard.press("/")
    expect(page.get_by_label("Prompt")).to_be_focused()
    page.keyboard.type(GROOVE)
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("with more swing")
    page.keyboard.press("Enter")
    card = page.locator(".groove")
    card.wait_for()
    answered(page)
    for _ in range(40):
        if card.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Shift+Tab")
    expect(card).to_be_focused()
    page.keyboard.press("Space")
    expect(card).to_have_attribute("data-playing", "true")
    page.keyboard.press("Space")
    expect(card).to_have_attribute("data-playing", "false")
    page.keyboard.press("Tab")
    expect(card.get_by_role("button", name="Mute").first).to_be_focused()
    page.keyboard.press("Space")
    expect(card.locator(".lane").first).to_have_attribute("data-audible", "false")


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [375, 1280])
def test_it_fits_and_reads_well(open_page: OpenPage, width: int, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not there; to run this: python tools/npm.py test")
    # The audit is a script of another origin to the page's policy, so that is off here.
    page = open_page(width=width, height=812, scheme=scheme, bypass_csp=True)
    page.get_by_role("heading", name="A sentence goes in").wait_for()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(AUDIT, RULES) == []
    assert page.evaluate(OVERFLOW) == 0
    page.get_by_role("button", name="make an 8-bar industrial groove").click()
    page.locator(".groove").wait_for()
    answered(page)
    page.locator(".tool summary").click()
    assert page.evaluate(AUDIT, RULES) == []
    assert page.evaluate(OVERFLOW) == 0
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.get_by_label("Prompt").fill("letters twice as large")
    assert page.evaluate(OVERFLOW) == 0
    assert page.get_by_label("Prompt").evaluate("field => field.clientWidth") > 200


def test_the_theme_can_be_chosen_and_stays(open_page: OpenPage) -> None:
    page = open_page(scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Theme: auto").click()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate(ground) == dark


def test_who_failed_who_answered_and_an_open_circuit(open_page: OpenPage, server: Server) -> None:
    with FakeUpstream.in_thread() as upstream:
        server.post(
            "/providers/add",
            name="flaky",
            type="openai_compatible",
            base_url=f"{upstream.url}/v1",
            model="status_500",
        )
        page = open_page()
        chip = page.locator(".provider-chip", has_text="flaky")
        chip.focus()
        page.keyboard.press("Enter")
        expect(chip).to_have_attribute("aria-pressed", "true")
        prompt = page.get_by_label("Prompt")
        for turn in range(1, 4):
            prompt.fill("which styles are there?")
            prompt.press("Enter")
            expect(page.locator(".turn")).to_have_count(turn)
            answered(page)
        failure = page.locator(".failure").first
        expect(failure).to_contain_text("flaky failed:")
        expect(failure).to_contain_text("answered by offline")
        expect(chip).to_contain_text("open")
        page.get_by_role("button", name="Reset the circuit of flaky").click()
        expect(chip).to_have_attribute("data-circuit", "closed")
        server.post("/providers/switch", name="offline")


def test_stop_keeps_what_was_said(open_page: OpenPage, server: Server) -> None:
    with FakeUpstream.in_thread() as upstream:
        server.post(
            "/providers/add",
            name="talker",
            type="openai_compatible",
            base_url=f"{upstream.url}/v1",
            model="endless_stream",
        )
        server.post("/providers/switch", name="talker")
        page = open_page()
        for stop in ("button", "Escape"):
            page.get_by_label("Prompt").fill("talk")
            page.keyboard.press("Enter")
            turn = page.locator(".turn").last
            turn.locator(".prose").wait_for()
            expect(page.get_by_role("log")).to_have_attribute("aria-busy", "true")
            if stop == "button":
                page.get_by_role("button", name="Stop").click()
            else:
                page.keyboard.press(stop)
            expect(turn).to_have_attribute("data-state", "stopped")
            expect(turn.locator(".prose")).not_to_be_empty()
            expect(page.get_by_role("button", name="Send")).to_be_visible()
        server.post("/providers/switch", name="offline")


# Starts a server of its own, to stop it: up to 3 s more than the others.
def test_a_server_that_is_gone_is_said_kindly(open_page: OpenPage, tmp_path: Path) -> None:
    with running_server(tmp_path) as short_lived, FakeUpstream.in_thread() as upstream:
        short_lived.post(
            "/providers/add",
            name="talker",
            type="openai_compatible",
            base_url=f"{upstream.url}/v1",
            model="endless_stream",
        )
        short_lived.post("/providers/switch", name="talker")
        page = open_page(url=short_lived.url, expected_complaint="net::ERR")
        prompt, turns = page.get_by_label("Prompt"), page.locator(".turn")
        prompt.fill("talk")
        prompt.press("Enter")
        turns.locator(".prose").wait_for()
        short_lived.process.kill()
        short_lived.process.wait(10)
        expect(turns.locator(".notice")).to_contain_text("broke off before its end")
        expect(turns.locator(".prose")).not_to_be_empty()
        prompt.fill("hello?")
        prompt.press("Enter")
        notice = turns.last.locator(".notice")
        expect(notice).to_contain_text("does not answer")
        expect(notice).to_contain_text("conduit up")
        expect(notice.get_by_role("button", name="Try again")).to_be_visible()
        page.get_by_role("link", name="Runs").click()
        expect(page.locator(".runs .notice")).to_contain_text("does not answer")
        expect(page.get_by_text("Nothing waits")).to_have_count(0)  # nobody knows


def test_a_browser_that_may_remember_nothing(open_page: OpenPage) -> None:
    page = open_page(width=375, height=400)
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('blocked'); } })"
    )
    page.reload()
    page.get_by_role("heading", name="A sentence goes in").wait_for()
    assert page.evaluate("scrollY") == 0
    page.get_by_role("button", name="Theme: auto").click()
    page.get_by_role("button", name="Theme: dark").click()
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()


def test_two_tabs_in_one_conversation(open_page: OpenPage) -> None:
    page = open_page()
    other = page.context.new_page()
    other.goto(page.url)
    prompt = page.get_by_label("Prompt")
    prompt.fill("2 bars of dub")
    prompt.press("Enter")
    expect(other.locator(".groove")).to_have_count(1)
    other.get_by_role("button", name="more swing").click()
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".groove")).to_have_count(2)
    expect(page.locator(".turn").first.locator(".meta")).to_contain_text("offline")  # its own
    expect(other.locator(".turn")).to_have_count(2)
    page.evaluate("scrollTo(0, 0)")
    prompt.fill("less dense")
    prompt.press("Enter")
    expect(page.get_by_role("button", name="other seed")).to_be_in_viewport()
    expect(page.locator(".turn")).to_have_count(3)
    page.get_by_role("button", name="New session").click()
    expect(other.get_by_role("heading", name="A sentence goes in")).to_be_visible()
    expect(other.locator(".turn")).to_have_count(0)
