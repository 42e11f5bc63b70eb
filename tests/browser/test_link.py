"""The player in time with a Link session that its server is in."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.process import Server, running_server
from tests.browser.test_groove import ask
from tests.product.linked import nobody_else, skip_where_somebody_plays

# How far the player is from the session, in beats, at a frame of the screen; the fastest of several
# answers says where the session is.
APART = """async (bars) => {
  const frame = () => new Promise(requestAnimationFrame);
  let best = { took: Infinity };
  for (let time = 0; time < 8; time += 1) {
    const sent = performance.now();
    const state = await (await fetch("/link")).json();
    const took = performance.now() - sent;
    if (took < best.took) best = { took, state, at: sent + took / 2 };
  }
  await frame();
  const at = document.querySelector(".groove-pages").style.getPropertyValue("--playhead");
  const { beat, tempo } = best.state;
  const theirs = beat + ((performance.now() - best.at) / 60000) * tempo;
  const apart = (((theirs - 4 * bars * Number(at) + 2) % 4) + 4) % 4 - 2;
  return { apart, tempo, playing: at !== "" };
}"""


@pytest.fixture
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("aalink", reason="aalink is not installed")
    with pytest.MonkeyPatch.context() as patch, nobody_else():
        patch.setenv("CONDUIT_LINK", "1")
        with running_server(tmp_path_factory.mktemp("linked")) as running:
            skip_where_somebody_plays(lambda: httpx.get(running.url + "/link").json()["peers"])
            yield running


def test_the_player_follows_the_session(linked: Server, open_page: OpenPage) -> None:
    httpx.post(linked.url + "/link/tempo", json={"bpm": 180}).raise_for_status()
    page = open_page(url=linked.url)
    card = ask(page)
    tempo = card.get_by_label("tempo")
    expect(tempo).to_have_value("140")
    toggle = card.get_by_role("button", name="Link")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    expect(toggle).to_contain_text("alone")
    expect(tempo).to_have_value("180")
    card.get_by_role("button", name="Play").click()
    expect(card.locator(".playhead")).to_be_visible()

    def in_time() -> bool:
        found = page.evaluate(APART, 4)
        return bool(found["playing"]) and abs(found["apart"]) < 0.2

    page.wait_for_timeout(2 * 4 * 60_000 / 180)  # the bar before it begins, and one more
    assert sum(in_time() for _ in range(5)) >= 4  # a frame may be late on a busy machine

    tempo.fill("150")  # for everybody
    page.wait_for_function("async () => (await (await fetch('/link')).json()).tempo === 150")
    page.wait_for_timeout(500)
    assert sum(in_time() for _ in range(5)) >= 4
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "false")
    expect(tempo).to_have_value("150")


def test_without_a_session_nothing_is_said_of_it(open_page: OpenPage) -> None:
    card = ask(open_page())
    expect(card.get_by_role("button", name="Play")).to_be_visible()
    assert card.get_by_role("button", name="Link").count() == 0
