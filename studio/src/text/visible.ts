/**
 * JSON that shows all it holds. A person decides by what is on the screen, so what has no shape of
 * its own, or turns the order of what follows around, is written as an escape.
 */

import type { Json } from "../api/types.ts";

/** Controls, marks of direction, joiners, tags: Unicode's Cc, Cf, Zl, Zp, and empty letters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{115f}\u{1160}\u{3164}\u{ffa0}]/gu;

export function visibleJson(value: Json): string {
  const lines = JSON.stringify(value, null, 2).split("\n");
  return lines.map((line) => line.replace(UNSEEN, escaped)).join("\n");
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    const unit = character.charCodeAt(at).toString(16).padStart(4, "0");
    return `\\u${unit}`;
  }).join("");
}
