/** Which page is shown. The address has it, so that it can be kept, and the browser leads back. */

import { useSyncExternalStore } from "react";

export const VIEWS = ["chat", "presets", "runs"] as const;
export type View = (typeof VIEWS)[number];

export function useView(): View {
  return useSyncExternalStore(subscribe, current);
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("hashchange", changed);
  return () => window.removeEventListener("hashchange", changed);
}

function current(): View {
  return VIEWS.find((view) => location.hash === `#${view}`) ?? "chat";
}
