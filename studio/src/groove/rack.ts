/** The grooves on the page, and their notes once somebody wanted to hear them. */

import { fetchNotes } from "../api/client.ts";
import type { RenderedGroove } from "../api/types.ts";
import { toPart, type Part } from "../sound/schedule.ts";

/** A longer groove plays its beginning here; the file always has all of it. */
export const LONGEST_PLAYED_BARS = 64;

const grooves = new Map<string, RenderedGroove>();
const parts = new Map<string, Promise<Part>>();

export function mount(groove: RenderedGroove): void {
  grooves.set(groove.groove_id, groove);
}

export function loadedGrooves(): RenderedGroove[] {
  return [...grooves.values()];
}

/** Fetched once for a groove; after a failure the next call tries again. */
export function partOf(groove: RenderedGroove): Promise<Part> {
  const known = parts.get(groove.groove_id);
  if (known !== undefined) return known;
  const bars = Math.min(groove.bars, LONGEST_PLAYED_BARS);
  const part = fetchNotes(groove.groove_id, bars).then(toPart);
  parts.set(groove.groove_id, part);
  part.catch(() => parts.delete(groove.groove_id));
  return part;
}
