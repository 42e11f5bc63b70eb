/** Light or dark: as the system says, unless somebody chose. */

import { keep, kept } from "./kept.ts";

export type Theme = "auto" | "dark" | "light";

const KEY = "conduit.theme";
const THEMES: readonly Theme[] = ["auto", "dark", "light"];

export function storedTheme(): Theme {
  const stored = kept(KEY);
  return THEMES.find((theme) => theme === stored) ?? "auto";
}

export function applyTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  keep(KEY, theme);
}

export function nextTheme(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
}
