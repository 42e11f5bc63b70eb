/** Calls to the server about presets. Failures are `ApiError`s with a hint. */

import { get, post, remove } from "../api/client.ts";
import type { Applied, MorphedGroove, PresetGroove, PresetInfo, PresetShown } from "./types.ts";

const at = (name: string, part = "") => `/presets/${encodeURIComponent(name)}${part}`;

export async function fetchPresets(): Promise<PresetInfo[]> {
  return (await get<{ presets: PresetInfo[] }>("/presets")).presets;
}

export type Saving = { name: string; about: string; session: string; replace: boolean };

export function savePreset(saving: Saving): Promise<PresetInfo> {
  return post<PresetInfo>("/presets", saving);
}

export function importPreset(text: string, replace: boolean): Promise<PresetInfo> {
  return post<PresetInfo>("/presets/import", { text, replace });
}

export function showPreset(name: string): Promise<PresetShown> {
  return get<PresetShown>(at(name));
}

export function fetchGroove(name: string): Promise<PresetGroove> {
  return get<PresetGroove>(at(name, "/groove"));
}

/** `session` is the conversation that gets what it holds of one; empty: none. */
export function applyPreset(name: string, session: string): Promise<Applied> {
  return post<Applied>(at(name, "/apply"), { session });
}

export function undoPreset(): Promise<Applied> {
  return post<Applied>("/presets/undo", {});
}

export async function exportPreset(name: string): Promise<string> {
  return (await get<{ text: string }>(at(name, "/export"))).text;
}

export async function removePreset(name: string): Promise<PresetInfo[]> {
  return (await remove<{ presets: PresetInfo[] }>(at(name))).presets;
}

export function morphPresets(one: string, two: string, amount: number): Promise<MorphedGroove> {
  return post<MorphedGroove>("/presets/morph", { one, two, amount });
}
