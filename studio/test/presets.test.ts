/** What a preset is shown as: what is inside of it, and what applying it changes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileNameOf, insideOf, linesOf, nameOf, neededLine, partName } from "../src/presets/inside.ts";

const SETTINGS = {
  samples: 3,
  escalate_to: "strong",
  provider: "box",
  model: "",
  generation: { temperature: 0, top_p: null, max_tokens: 200, seed: 5, stop: ["END", "\n"] },
};

test("what it holds of a conversation is said in words", () => {
  const facts = insideOf({
    settings: JSON.stringify(SETTINGS),
    system: JSON.stringify({ name: "club", text: `Play\nfor ${"the club ".repeat(60)}` }),
    live: JSON.stringify({ tempo: 124, tracks: [{ name: "Drums" }, { name: "Bass" }, {}] }),
    groove: JSON.stringify({ style: "dub", bars: 4, bpm: 118 }),
  });
  const said = new Map(facts);
  assert.equal(said.get("temperature"), "0", "nothing is not the same as none");
  assert.equal(said.has("top p"), false);
  assert.equal(said.get("stops at"), "END · \n");
  assert.equal(said.get("vote"), "the majority of 3 answers");
  assert.equal(said.get("if they disagree"), "strong");
  assert.match(said.get("system prompt") ?? "", /^club: Play for the club .*…$/);
  assert.equal(said.get("set of Live"), "124 BPM, 2 tracks: Drums, Bass");
  assert.equal(said.get("groove"), "dub, 4 bars, 118 BPM");
  const morph = { config: { title: "40 % from A to B", bpm: 126.2, bars: 8 } };
  assert.deepEqual(insideOf({ groove: JSON.stringify(morph) }), [
    ["groove", "40 % from A to B, 8 bars, 126.2 BPM"],
  ]);
  const named = { title: "Dub 122 BPM", bpm: 122 };
  assert.deepEqual(insideOf({ groove: JSON.stringify(named) }), [["groove", "Dub 122 BPM"]]);
  assert.deepEqual(insideOf({ settings: '{"samples": 1}' }), [["answers", "as usual"]]);
});

test("what cannot be read is not shown", () => {
  for (const text of ["", "{", "[]", "null", "7", '"x"']) {
    assert.deepEqual(insideOf({ settings: text, system: text, live: text, groove: text }), []);
  }
  assert.deepEqual(insideOf({ live: '{"tracks": [1, null, {"name": 3}]}' }), []);
  assert.deepEqual(insideOf({}), []);
});

test("what would change is a line each", () => {
  const lines = linesOf([
    { part: "provider", kind: "added", name: "box", fields: [] },
    { part: "alias", kind: "removed", name: "gpt-4", fields: [] },
    {
      part: "routing",
      kind: "changed",
      name: "",
      fields: [
        { field: "strategy", before: "", after: "fastest" },
        { field: "api_key", before: "", after: "" },
      ],
    },
  ]);
  assert.deepEqual(lines, [
    "+ provider box",
    "− alias gpt-4",
    "~ routing: strategy: nothing → fastest; api_key changed",
  ]);
  const needed = { provider: "box", variable: "" };
  assert.equal(neededLine(needed), "the key of box is missing: put it into providers.yaml");
  assert.match(neededLine({ ...needed, variable: "BOX_KEY" }), /set BOX_KEY$/);
});

test("a name is made of what was typed", () => {
  assert.equal(nameOf("Late Night!"), "late-night-");
  assert.equal(nameOf("--x"), "x");
  assert.equal(nameOf("…"), "");
  assert.equal(nameOf("a".repeat(99)).length, 64);
  assert.equal(fileNameOf("club"), "club.preset.yaml");
  assert.equal(partName("live"), "set of Live");
  assert.equal(partName("else"), "else");
});
