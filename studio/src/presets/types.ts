/** What the server says of presets. Field names are the server's. */

import type { Json, Lane, RenderedGroove } from "../api/types.ts";

export type PresetInfo = {
  name: string;
  about: string;
  /** UTC in ISO 8601; empty in a file that somebody wrote by hand. */
  made: string;
  providers: string[];
  prompts: string[];
  /** Why it cannot be used; empty when it can. */
  fault: string;
  /** What it holds of a conversation: `settings`, `system`, `live`, `groove`. */
  conversation: string[];
};

export type FieldChange = { field: string; before: string; after: string };

export type Change = {
  part: string;
  kind: "added" | "removed" | "changed";
  name: string;
  fields: FieldChange[];
};

export type Changes = { changes: Change[] };

export type NeededKey = { provider: string; variable: string };

export type PresetShown = {
  info: PresetInfo;
  text: string;
  changes: Changes;
  needed: NeededKey[];
  /** Providers that would get a key of this machine at an address that is new. */
  sent_elsewhere: string[];
  /** JSON by its name. */
  conversation: Record<string, string>;
};

export type Applied = { changes: Changes; prompts: string[]; needed: NeededKey[] };

export type PresetGroove = {
  name: string;
  title: string;
  bpm: number;
  bars: number;
  steps_per_bar: number;
  lanes: Lane[];
  request: Json;
};

export type MorphedGroove = RenderedGroove & { amount: number };
