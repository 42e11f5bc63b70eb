/** Which conversation this browser is in. The server keeps what was said, by this name. */

import { keep, kept } from "./kept.ts";

const KEY = "conduit.session";

/** `isNew` when it was just made up, so that there cannot be anything said in it yet. */
export type Session = { name: string; isNew: boolean };

export function currentSession(): Session {
  const stored = kept(KEY);
  if (stored !== null && stored !== "") return { name: stored, isNew: false };
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const name = `studio-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  keep(KEY, name);
  return { name, isNew: true };
}
