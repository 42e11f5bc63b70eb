/** Which conversation this browser is in. The server keeps what was said, by this name. */

import { keep, kept } from "./kept.ts";

const KEY = "conduit.session";

/** `isNew` when it was just made up, so that there cannot be anything said in it yet. */
export type Session = { name: string; isNew: boolean };

const LEFT = "conduit.left";

/** Runs that still wait, of what the conversation was before it began anew. */
export function leaveBehind(runs: string[]): void {
  keep(LEFT, [...leftBehind(), ...runs].slice(-MOST_LEFT).join(" "));
}

export function leftBehind(): string[] {
  return (kept(LEFT) ?? "").split(" ").filter((id) => id !== "");
}

/** More than wait at a time. */
const MOST_LEFT = 200;

export function currentSession(): Session {
  const stored = kept(KEY);
  if (stored !== null && stored !== "") return { name: stored, isNew: false };
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const name = `studio-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  keep(KEY, name);
  return { name, isNew: true };
}
