/**
 * `window.conduitStudio`: the page from the outside, for scripts and for the browser tests.
 *
 *     conduitStudio.grooves()                            // ids of the grooves on the page
 *     await conduitStudio.renderOffline(id, { bars: 2 }) // the sound of one, as samples
 */

import { loadedGrooves, partOf } from "./groove/rack.ts";
import { renderOffline, type OfflineRender } from "./sound/offline.ts";

export type Scripting = {
  grooves(): string[];
  renderOffline(
    grooveId: string,
    options?: { bars?: number; sampleRate?: number; muted?: string[]; soloed?: string[] },
  ): Promise<OfflineRender>;
};

declare global {
  interface Window {
    conduitStudio: Scripting;
  }
}

export function installScripting(): void {
  window.conduitStudio = {
    grooves: () => loadedGrooves().map((groove) => groove.groove_id),
    async renderOffline(grooveId, { bars, sampleRate, muted, soloed } = {}) {
      const groove = loadedGrooves().find((each) => each.groove_id === grooveId);
      if (groove === undefined) throw new Error(`no groove ${grooveId} on this page`);
      const part = await partOf(groove);
      const available = part.loopTicks / part.ticksPerBar;
      const mix = { muted: new Set(muted), soloed: new Set(soloed) };
      const length = Math.min(bars ?? available, available);
      return renderOffline(part, groove.bpm, length, mix, sampleRate);
    },
  };
}
