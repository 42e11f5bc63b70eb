import assert from "node:assert/strict";
import { test } from "node:test";
import { visibleJson } from "../src/text/visible.ts";

const UNSEEN = [
  ..."\u0000\u001b\u007f\u00ad\u200b\u200e\u202e\u2028\u2066\ufeff\u3164",
  "\u{e0041}",
];

test("what has no shape of its own, or turns text around, is written as an escape", () => {
  for (const each of UNSEEN) {
    const shown = visibleJson({ path: `a${each}b` });
    assert.ok(!shown.includes(each), JSON.stringify(each));
    assert.deepEqual(JSON.parse(shown), { path: `a${each}b` }, "and it stays the same value");
  }
});

test("what can be seen is shown as it is", () => {
  const value = { text: "café 🥁 مرحبا", list: [1, "two"], nothing: null };
  assert.equal(visibleJson(value), JSON.stringify(value, null, 2));
});
