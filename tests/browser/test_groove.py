"""From a sentence to a groove that is seen, heard and saved, in a real browser."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage

PROMPT = "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks"

# Loudness (RMS) of the 60 ms after each beat, of the whole, and the highest sample.
MEASURE = """async (bars) => {
  const [id] = conduitStudio.grooves();
  const { sampleRate, samples, beats, strokes } = await conduitStudio.renderOffline(id, { bars });
  const rms = (part) => Math.sqrt(part.reduce((sum, x) => sum + x * x, 0) / part.length);
  const at = (seconds) => Math.round(seconds * sampleRate);
  const after = (beat) => samples.slice(at(beat), at(beat + 0.06));
  return {
    beats: beats.map((t) => rms(after(t))),
    whole: rms(samples),
    peak: samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
    seconds: samples.length / sampleRate,
    beatSeconds: beats[1] - beats[0],
    layers: [...new Set(strokes.map((stroke) => stroke.layer))],
  };
}"""

# The second of four bars is named and under the playhead, in one frame of the screen.
IN_BAR_2 = """() => {
  const at = Number(document.querySelector(".groove-pages").style.getPropertyValue("--playhead"));
  const heard = document.querySelector(".pager-heard").textContent;
  return heard === "playing bar 2" && at >= 0.25 && at < 0.5;
}"""

# The clock of the sound, from when it is first made; and the tempo by it and by the playhead, which
# crosses four bars. What plays already at another tempo is waited out.
KEEP_THE_CLOCK = """() => {
  window.AudioContext = class extends AudioContext {
    constructor(options) { super(options); window.clockOfSound = this; }
  };
}"""
MEASURE_TEMPO = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const now = async () => {
    for (;;) {
      await frame();
      const at = document.querySelector(".groove-pages").style.getPropertyValue("--playhead");
      if (at !== "") return { seconds: window.clockOfSound.currentTime, bars: 4 * Number(at) };
    }
  };
  const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
  await wait(0.5);
  const from = await now();
  await wait(1);
  const to = await now();
  return (60 * 4 * ((to.bars - from.bars + 4) % 4)) / (to.seconds - from.seconds);
}"""

# Each note of the bass as samples, what is heard of it when it is muted too, and the whole.
MEASURE_BASS = """async ([bars, seconds]) => {
  const [id] = conduitStudio.grooves();
  const render = (options) => conduitStudio.renderOffline(id, { bars, ...options });
  const peak = (samples) => samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const soloed = ["bass line"];
  const { samples, strokes, sampleRate } = await render({ soloed, sampleRate: 22050 });
  const from = (time) => Math.round(time * sampleRate);
  const bass = strokes.filter((stroke) => stroke.instrument === "bass");
  return {
    sampleRate,
    notes: bass.map(({ time, pitch, layer }) => ({
      pitch, layer, samples: Array.from(samples.slice(from(time), from(time + seconds))),
    })),
    instruments: [...new Set(strokes.map((stroke) => stroke.instrument))].sort(),
    mutedPeak: peak((await render({ soloed, muted: soloed })).samples),
    wholePeak: peak((await render({})).samples),
  };
}"""


def ask(page: Page, prompt: str = PROMPT) -> Locator:
    """Ask, and wait for the card of the groove."""
    before = page.locator(".groove").count()
    page.get_by_label("Prompt").fill(prompt)
    page.keyboard.press("Enter")
    card = page.locator(".groove").nth(before)
    card.wait_for()
    expect(page.locator(".turn").last).to_have_attribute("data-state", "done")
    return card


def test_a_prompt_gives_a_grid_of_every_step(open_page: OpenPage) -> None:
    card = ask(open_page())
    expect(card.locator(".facts")).to_contain_text("industrial")
    expect(card.locator(".facts")).to_contain_text("140")
    lanes = card.get_by_role("group").filter(has=card.page.locator(".lane-name"))
    assert lanes.count() >= 5
    expect(card.get_by_role("img", name="kick, bar 1: 1 accent, 5 accent")).to_be_visible()
    assert lanes.first.locator(".step").count() == 4 * 16
    expect(card.locator(".pager-range")).to_have_text("bars 1–4 / 8")
    card.get_by_role("button", name="Later bars").click()
    expect(card.locator(".pager-range")).to_have_text("bars 5–8 / 8")
    expect(card.get_by_role("img", name="kick, bar 8:")).to_be_visible()


def test_the_sound_is_on_the_beats(open_page: OpenPage) -> None:
    page = open_page()
    ask(page)
    heard = page.evaluate(MEASURE, 4)
    assert len(heard["beats"]) == 16
    assert heard["beatSeconds"] == pytest.approx(60 / 140)
    assert min(heard["beats"]) > 0.05
    assert min(heard["beats"]) > 0.8 * heard["whole"]
    assert 0.2 < heard["peak"] <= 1
    assert heard["seconds"] == pytest.approx(16 * 60 / 140 + 0.5, abs=0.01)
    assert "kick" in heard["layers"]


def strength(samples: np.ndarray, sample_rate: int, hertz: float) -> float:
    """The part of one frequency in the samples, by a windowed Fourier sum."""
    at = np.arange(len(samples))
    turns = np.exp(-2j * np.pi * hertz * at / sample_rate)
    return float(abs(np.sum(samples * np.hanning(len(samples)) * turns)) / len(samples))


def test_a_bass_line_sounds_at_its_pitches(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "a minimal groove at 120 bpm, 4 bars, with a bass line and stabs")
    # A note of this line lasts one and a half sixteenths.
    heard = page.evaluate(MEASURE_BASS, [4, 0.18])
    assert heard["instruments"] == ["bass", "drums", "stab"]
    assert {note["layer"] for note in heard["notes"]} == {"bass line"}
    assert len({note["pitch"] for note in heard["notes"]}) > 1
    for note in heard["notes"]:
        hertz = 440 * 2 ** ((note["pitch"] - 69) / 12)
        below, at, above = (
            strength(np.array(note["samples"]), heard["sampleRate"], hertz * 2 ** (tritones / 2))
            for tritones in (-1, 0, 1)
        )
        assert at > 0.01
        assert at > 4 * max(below, above), note["pitch"]
    assert heard["mutedPeak"] < 1e-4
    assert 0.2 < heard["wholePeak"] <= 1


def test_play_moves_the_playhead_until_stop(open_page: OpenPage) -> None:
    page = open_page()
    card = ask(page)
    playhead = card.locator(".playhead")
    expect(playhead).to_be_hidden()
    card.get_by_role("button", name="Play").click()
    expect(playhead).to_be_visible()
    page.wait_for_function(IN_BAR_2, timeout=30_000)  # once around the loop is 14 s
    card.get_by_role("button", name="Stop").click()
    expect(playhead).to_be_hidden()


def test_with_reduced_motion_the_playhead_goes_from_step_to_step(open_page: OpenPage) -> None:
    card = ask(open_page(reduced_motion="reduce"))
    card.get_by_role("button", name="Play").click()
    expect(card.locator(".playhead")).to_be_visible()
    for _ in range(5):
        value = "element => Number(element.style.getPropertyValue('--playhead'))"
        steps = card.locator(".groove-pages").evaluate(value) * 4 * 16
        assert steps == pytest.approx(round(steps), abs=0.01)


def test_a_long_groove_says_what_is_drawn_and_played(open_page: OpenPage) -> None:
    card = ask(open_page(), "a hard groove, 200 bars")
    note = "first 8 bars drawn, 64 played; the file has all 200"
    expect(card.locator(".pager-note")).to_have_text(note)
    card.get_by_role("button", name="Play").click()
    expect(card.locator(".playhead")).to_be_visible()


def test_tempo_changes_while_it_plays(open_page: OpenPage) -> None:
    page = open_page()
    card = ask(page)
    page.evaluate(KEEP_THE_CLOCK)
    card.get_by_role("button", name="Play").click()
    assert page.evaluate(MEASURE_TEMPO) == pytest.approx(140, rel=0.1)
    tempo = card.get_by_label("tempo")
    tempo.fill("200")
    expect(tempo).to_have_attribute("aria-valuetext", "200 bpm")
    assert page.evaluate(MEASURE_TEMPO) == pytest.approx(200, rel=0.1)
    card.get_by_role("button", name="back to 140").click()
    expect(tempo).to_have_value("140")


def test_the_file_is_the_groove(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    card = ask(page)
    with page.expect_download() as download:
        card.get_by_role("link", name="MIDI file").click()
    assert download.value.suggested_filename.endswith(".mid")
    download.value.save_as(tmp_path / "groove.mid")
    midi = mido.MidiFile(tmp_path / "groove.mid")
    tempos = [m for track in midi.tracks for m in track if m.type == "set_tempo"]
    assert [round(mido.tempo2bpm(m.tempo), 3) for m in tempos] == [140]
    assert midi.length == pytest.approx(8 * 4 * 60 / 140, abs=0.5)


def test_what_became_sound_can_be_heard_and_kept(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    page.keyboard.type("2 bars of dub at 120 as wav")  # the field has the focus already
    page.keyboard.press("Enter")
    sound = page.get_by_role("article", name="Sound file: dub-120-bpm-2-bars.wav")
    expect(sound).to_be_visible()
    heard = sound.locator("audio").evaluate(
        """async (audio) => {
          await new Promise((done) => audio.duration > 0 ? done() : audio.ondurationchange = done);
          return audio.duration;
        }"""
    )
    assert 4 < heard < 8
    with page.expect_download() as download:
        sound.get_by_role("link", name="WAV file").click()
    download.value.save_as(tmp_path / "groove.wav")
    assert (tmp_path / "groove.wav").read_bytes().startswith(b"RIFF")


def test_mute_and_solo(open_page: OpenPage) -> None:
    card = ask(open_page())
    kick = card.get_by_role("group", name="kick", exact=True)
    others = card.locator(".lane[data-audible=false]")
    kick.get_by_role("button", name="Mute kick").click()
    expect(kick).to_have_attribute("data-audible", "false")
    expect(others).to_have_count(1)
    kick.get_by_role("button", name="Mute kick").click()
    kick.get_by_role("button", name="Solo kick").click()
    expect(kick).to_have_attribute("data-audible", "true")
    expect(others).to_have_count(card.locator(".lane").count() - 1)


def test_what_one_would_say_next_is_a_button(open_page: OpenPage) -> None:
    page = open_page()
    ask(page)
    page.get_by_role("button", name="other seed").click()
    expect(page.locator(".groove")).to_have_count(2)
    seeds = [card.locator(".facts").inner_text() for card in page.locator(".groove").all()]
    assert seeds[0] != seeds[1]


def test_a_conversation_is_still_there_after_a_reload(open_page: OpenPage) -> None:
    page = open_page()
    ask(page)
    page.reload()
    card = page.locator(".groove")
    card.wait_for()
    expect(page.get_by_role("heading", name=PROMPT)).to_be_visible()
    card.get_by_role("button", name="Play").click()
    expect(card.locator(".playhead")).to_be_visible()
    page.get_by_role("button", name="New session").click()
    expect(page.locator(".turn")).to_have_count(0)
    page.reload()
    page.get_by_role("heading", name="A sentence goes in").wait_for()
    expect(page.locator(".turn")).to_have_count(0)
