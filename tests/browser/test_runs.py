"""Calls that wait for a person, decided on in a real browser."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.process import Server
from tests.browser.test_page import AUDIT, AXE, OVERFLOW, RULES
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse

HOSTILE = '<img src=x onerror="document.title=1">'
TURNED = "out/\u202egnp.exe"
"""Text whose end is drawn first, unless the mark in it is made visible."""


def ask(server: Server, prompt: str) -> str:
    reply = httpx.post(f"{server.url}/ask", json={"prompt": prompt, "session": prompt}, timeout=20)
    assert reply.json()["status"] == "waiting", reply.text
    return str(reply.json()["run_id"])


def status(server: Server, run: str) -> str:
    return str(httpx.get(f"{server.url}/runs/{run}", timeout=20).json()["run"]["status"])


def card(page: Page, prompt: str) -> Locator:
    return page.locator(".runs-item", has_text=prompt)


def test_what_waits_comes_by_itself_and_is_decided_on_by_keyboard(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page()
    page.get_by_role("link", name="Runs").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Waiting for a decision")).to_be_visible()
    run = ask(server, "How do I add a provider?")
    approve = card(page, "add a provider").get_by_role("button", name="Approve")
    approve.wait_for()
    expect(page).to_have_title("(1) Conduit Studio")
    assert "add a provider" in page.get_by_role("group", name="arguments of docs").inner_text()
    approve.focus()
    for name, label in (("Edit", "Arguments to use"), ("Reject", "Why not?"), ("Answer", "taken")):
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_label(label)).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type('{"question": ')
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("not JSON")
    page.keyboard.type('"what is swing?"}')
    page.keyboard.press("Control+Enter")
    turn = page.locator(".turn[data-state=done]")
    expect(turn.locator(".asked-decided")).to_contain_text("edited: docs.answer")
    expect(turn.locator(".tool-brief")).to_have_text("question what is swing?")
    expect(turn.locator(".prose")).not_to_be_empty()
    expect(page).to_have_title("Conduit Studio")
    expect(page.locator(".run", has_text="add a provider").first).to_contain_text("done")
    assert status(server, run) == "done"


def test_in_the_conversation_it_goes_on_where_it_was_asked(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page()
    page.get_by_label("Prompt").fill("How do I choose a provider?")
    page.keyboard.press("Enter")
    turn = page.locator(".turn").last
    turn.get_by_role("button", name="Approve").click()
    turn.locator(".tool").wait_for()
    expect(turn).to_have_attribute("data-state", "done")
    page.get_by_label("Prompt").fill("How do I render a groove?")
    page.keyboard.press("Enter")
    page.locator(".turn").nth(1).get_by_role("button", name="Reject").wait_for()
    page.reload()
    turn = page.locator(".turn").nth(1)
    turn.get_by_role("button", name="Reject").click()
    turn.get_by_label("Why not?").fill("not today")
    turn.get_by_role("button", name="Reject").click()
    expect(turn).to_have_attribute("data-state", "done")
    expect(turn.locator(".tool")).to_contain_text("failed")
    page.get_by_label("Prompt").fill("How do I leave a question behind?")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Approve").wait_for()
    page.get_by_role("button", name="New session").click()
    expect(page.get_by_role("heading", name="A sentence goes in")).to_be_visible()
    page.reload()
    left = page.get_by_role("link", name="waiting for a decision")
    left.click()
    card(page, "leave a question").get_by_role("button", name="Approve").wait_for()
    page.get_by_role("link", name="Chat").click()
    expect(page.locator(".turn")).to_have_count(0)
    left.click()
    card(page, "leave a question").get_by_role("button", name="Approve").click()
    expect(page.locator(".runs .turn[data-state=done]")).to_have_count(1)
    page.get_by_role("link", name="Chat").click()
    expect(page.get_by_role("log").locator(".turn")).to_have_count(1)


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1280, "dark")])
def test_hostile_text_is_text_and_everything_can_be_read(
    open_page: OpenPage, server: Server, width: int, scheme: str
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not there; to run this: python tools/npm.py test")
    with FakeUpstream.in_thread() as upstream:
        url = f"{upstream.url}/v1"
        model = {"name": f"evil{width}", "type": "openai_compatible", "model": "fake-1"}
        server.post("/providers/add", **model, base_url=url)
        server.post("/providers/switch", name=f"evil{width}")
        wish = {"question": f"{HOSTILE} {TURNED} {'x' * 3000}"}
        upstream.answers.append(Answer(HOSTILE, (ToolUse("docs_answer", wish),)))
        upstream.answers.append(Answer(HOSTILE))
        ask(server, f"{HOSTILE} {width}")
        # The audit is a script of another origin to the page's policy, so that is off here.
        page = open_page(width=width, scheme=scheme, bypass_csp=True)
        page.get_by_role("link", name="Runs").click()
        card(page, HOSTILE).first.wait_for()
        shown = page.get_by_role("group", name="arguments of docs.answer").first.inner_text()
        assert r"out/\u202egnp.exe" in shown
        assert "x" * 3000 in shown  # nothing is left out of what is decided on
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(AUDIT, RULES) == []
        page.get_by_role("button", name="Answer").first.click()
        page.get_by_label("taken to have given").fill(HOSTILE)
        assert page.evaluate(AUDIT, RULES) == []
        page.get_by_role("button", name="Answer").first.click()
        expect(page.locator(".turn[data-state=done]")).to_have_count(1)
        page.locator(".run summary").first.click()
        page.locator(".run-steps summary").first.click()
        page.locator(".run-steps pre").first.wait_for()
        assert page.evaluate(AUDIT, RULES) == []
        assert page.evaluate(OVERFLOW) == 0
        assert page.locator("img").count() == 0
        server.post("/providers/switch", name="offline")


def test_a_decision_that_is_refused_leaves_the_call_waiting(
    open_page: OpenPage, server: Server
) -> None:
    run = ask(server, "How do I use a key?")
    page = open_page(expected_complaint="404")
    page.get_by_role("link", name="Runs").click()
    approve = card(page, "How do I use a key?").get_by_role("button", name="Approve")
    approve.wait_for()
    httpx.post(f"{server.url}/runs/{run}/cancel", json={}).raise_for_status()
    approve.click()
    expect(page.get_by_role("alert")).to_contain_text("waits for a decision")


def test_a_plan_asks_what_becomes_of_a_step_that_may_have_been_done(
    open_page: OpenPage, server: Server
) -> None:
    with FakeUpstream.in_thread() as upstream:
        url = f"{upstream.url}/silent/v1"
        model = {"name": "silent", "type": "openai_compatible", "model": "fake-1"}
        server.post("/providers/add", **model, base_url=url)
        server.post("/providers/switch", name="silent")
        hello = {"messages": [{"role": "user", "content": "hello"}]}
        steps = [{"name": "llm.chat", "arguments": hello, "id": "chat"}, {"name": "groove.styles"}]
        plan = {"run_id": "greeting", "objective": "Say hello", "timeout_s": 0.5}
        server.post("/planner/execute", steps=steps, **plan)  # is stopped in the middle of a step
        server.post("/planner/execute", run_id="greeting")
        page = open_page()
        page.get_by_role("link", name="Runs").click()
        step = card(page, "Say hello")
        expect(step).to_contain_text("llm.chat may have been done")
        step.get_by_role("button", name="Leave it out").click()
        expect(step).to_have_count(0)  # nothing waits any more
        assert status(server, "greeting") == "done"
        server.post("/providers/switch", name="offline")
