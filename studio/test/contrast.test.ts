import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** Level AA of WCAG 2.2: 4.5 for text, 3 for edges of controls. */
const TEXT = 4.5;
const EDGE = 3;

const PAIRS: [front: string, back: string, least: number][] = [
  ...["ground", "panel", "well", "signal-wash"].flatMap(
    (back): [string, string, number][] => [
      ["ink", back, TEXT],
      ["ink-soft", back, TEXT],
      ["signal-text", back, TEXT],
      ["edge", back, EDGE],
      ["signal", back, EDGE],
    ],
  ),
  ["on-signal", "signal", TEXT],
  ["on-signal", "signal-text", TEXT],
  ["panel", "ink", TEXT],
];

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");
const themes = ["light", "dark"].map((theme, at) => {
  const declared = css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g);
  const colours = new Map([...declared].map((match) => [match[1], match[2 + at]]));
  return { theme, colours };
});

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

for (const { theme, colours } of themes) {
  for (const [front, back, least] of PAIRS) {
    test(`${theme}: ${front} on ${back} is at least ${least}`, () => {
      const [one, other] = [colours.get(front), colours.get(back)];
      assert.ok(one && other, "both colours are declared");
      const ratio = contrast(one, other);
      assert.ok(ratio >= least, `${one} on ${other} is ${ratio.toFixed(2)}`);
    });
  }
}
