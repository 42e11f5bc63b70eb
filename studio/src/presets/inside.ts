/** What is inside of a preset, and what it would change, in words. Pure. */

import type { Json, JsonObject } from "../api/types.ts";
import type { Change, NeededKey } from "./types.ts";

/** A name and what it says, as a row of a list. */
export type Fact = [string, string];

const PARTS: Readonly<Record<string, string>> = {
  settings: "how it is answered",
  system: "system prompt",
  live: "set of Live",
  groove: "groove",
};
const SIGNS = { added: "+", removed: "−", changed: "~" } as const;
const LONGEST = 160;

export function partName(part: string): string {
  return PARTS[part] ?? part;
}

/** What it holds of a conversation. What cannot be read is not shown: the server looked at it. */
export function insideOf(conversation: Readonly<Record<string, string>>): Fact[] {
  const settings = objectIn(conversation.settings);
  const system = objectIn(conversation.system);
  const live = objectIn(conversation.live);
  const groove = objectIn(conversation.groove);
  return [
    ...(settings === null ? [] : answeredBy(settings)),
    ...(system === null ? [] : promptOf(system)),
    ...(live === null ? [] : setOf(live)),
    ...(groove === null ? [] : grooveOf(groove)),
  ];
}

function answeredBy(settings: JsonObject): Fact[] {
  const generation = isObject(settings.generation) ? settings.generation : {};
  const facts: Fact[] = [];
  const say = (name: string, value: Json | undefined) => {
    if (typeof value === "number" || (typeof value === "string" && value !== "")) {
      facts.push([name, String(value)]);
    }
  };
  say("provider", settings.provider);
  say("model", settings.model);
  say("temperature", generation.temperature);
  say("top p", generation.top_p);
  say("most tokens", generation.max_tokens);
  say("seed of the model", generation.seed);
  const stop = generation.stop;
  if (Array.isArray(stop) && stop.length > 0) say("stops at", stop.map(String).join(" · "));
  if (typeof settings.samples === "number" && settings.samples > 1) {
    facts.push(["vote", `the majority of ${settings.samples} answers`]);
    say("if they disagree", settings.escalate_to);
  }
  return facts.length > 0 ? facts : [["answers", "as usual"]];
}

function promptOf(system: JsonObject): Fact[] {
  const name = typeof system.name === "string" ? system.name : "";
  const text = typeof system.text === "string" ? system.text : "";
  return [["system prompt", `${name}: ${shortened(text)}`]];
}

function setOf(live: JsonObject): Fact[] {
  const said: string[] = [];
  if (typeof live.tempo === "number") said.push(`${live.tempo} BPM`);
  const tracks = Array.isArray(live.tracks) ? live.tracks : [];
  const names = tracks.flatMap((each) =>
    isObject(each) && typeof each.name === "string" ? [each.name] : [],
  );
  if (names.length > 0) {
    said.push(`${names.length} ${names.length === 1 ? "track" : "tracks"}: ${names.join(", ")}`);
  }
  return said.length > 0 ? [["set of Live", shortened(said.join(", "))]] : [];
}

function grooveOf(groove: JsonObject): Fact[] {
  const config = isObject(groove.config) ? groove.config : groove;
  const said = [config.title, config.style].find((each) => typeof each === "string" && each !== "");
  const bars = typeof config.bars === "number" ? `${config.bars} bars` : "";
  const name = typeof said === "string" ? said : "a groove";
  const bpm = typeof config.bpm === "number" ? `${config.bpm} BPM` : "";
  const parts = [name, bars, name.includes(bpm) ? "" : bpm];
  return [["groove", parts.filter((each) => each !== "").join(", ")]];
}

/** A line for each thing that applying it changes. */
export function linesOf(changes: readonly Change[]): string[] {
  return changes.map(({ part, kind, name, fields }) => {
    const what = `${SIGNS[kind]} ${part} ${name}`.trimEnd();
    const said = fields.map(({ field, before, after }) =>
      before === after ? `${field} changed` : `${field}: ${before || "nothing"} → ${after || "nothing"}`,
    );
    return said.length > 0 ? `${what}: ${said.join("; ")}` : what;
  });
}

/** Where a key is missing, and where it belongs. */
export function neededLine({ provider, variable }: NeededKey): string {
  const where = variable === "" ? "put it into providers.yaml" : `set ${variable}`;
  return `the key of ${provider} is missing: ${where}`;
}

/** A name that the server takes, made of what somebody typed. */
export function nameOf(typed: string): string {
  return typed
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[-_]+/, "")
    .slice(0, 64);
}

export function fileNameOf(name: string): string {
  return `${name}.preset.yaml`;
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

function objectIn(text: string | undefined): JsonObject | null {
  if (text === undefined) return null;
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
