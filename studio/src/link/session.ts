/**
 * The Ableton Link session that the server is in: whether there is one, whether this page follows
 * it, its tempo and who else is there.
 */

import { fetchLink, setLinkTempo } from "../api/client.ts";
import { player, type Lead } from "../sound/player.ts";
import { beatAt, better, fastestOffset, type Beat, type LinkState, type Offset } from "./clock.ts";

const QUESTIONS = 8;
const AGAIN_MS = 30_000;

export type LinkView = {
  /** Whether the server is in a session. */
  available: boolean;
  following: boolean;
  /** Whether the server is still heard of. */
  connected: boolean;
  tempo: number;
  peers: number;
};

const SILENT: LinkView = {
  available: false,
  following: false,
  connected: false,
  tempo: 0,
  peers: 0,
};

class LinkSession implements Lead {
  #view: LinkView = SILENT;
  #asked = false;
  #state: LinkState | null = null;
  #offset: Offset | null = null;
  #events: EventSource | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #wanted: number | null = null;
  #telling = false;
  readonly #listeners = new Set<() => void>();

  readonly view = (): LinkView => this.#view;

  /** Asks the server once whether it has a session: nothing is shown until it says so. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (!this.#asked) {
      this.#asked = true;
      void fetchLink().then(
        (state) => this.#show({ available: state.on, tempo: state.tempo, peers: state.peers }),
        () => undefined, // an older server, or none: there is nothing to follow
      );
    }
    return () => this.#listeners.delete(listener);
  };

  /** See `Lead`. */
  at(milliseconds: number): Beat | null {
    if (this.#state === null || this.#offset === null) return null;
    return beatAt(this.#state, this.#offset, milliseconds);
  }

  follow(): void {
    if (this.#events !== null) return;
    this.#events = new EventSource("/link/events");
    this.#events.addEventListener("link", (event) => this.#hear(event as MessageEvent<string>));
    this.#events.addEventListener("open", () => {
      this.#offset = null; // it may be another server, with another clock
      void this.#measure();
    });
    this.#events.addEventListener("error", () => this.#show({ connected: false }));
    this.#timer = setInterval(() => void this.#measure(), AGAIN_MS);
    player.follow(this);
    this.#show({ following: true });
  }

  leave(): void {
    this.#events?.close();
    this.#events = null;
    clearInterval(this.#timer);
    this.#state = this.#offset = null;
    player.follow(null);
    this.#show({ following: false, connected: false });
  }

  /** For everybody in the session. While one is being told, only the last wish is kept. */
  setTempo(bpm: number): void {
    this.#wanted = bpm;
    if (!this.#telling) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#telling = true;
    try {
      while (this.#wanted !== null) {
        const bpm = this.#wanted;
        this.#wanted = null;
        await setLinkTempo(bpm);
      }
    } catch {
      this.#show({ connected: false });
    } finally {
      this.#telling = false;
    }
  }

  async #measure(): Promise<void> {
    try {
      const ask = async () => (await fetchLink()).at_s;
      const found = await fastestOffset(ask, () => performance.now(), QUESTIONS);
      if (this.#events !== null) this.#offset = better(this.#offset, found);
    } catch {
      this.#show({ connected: false });
    }
  }

  #hear(event: MessageEvent<string>): void {
    const state = JSON.parse(event.data) as LinkState;
    this.#state = state;
    this.#show({ connected: true, tempo: state.tempo, peers: state.peers });
  }

  #show(change: Partial<LinkView>): void {
    const next = { ...this.#view, ...change };
    const same = Object.entries(next).every(
      ([name, value]) => this.#view[name as keyof LinkView] === value,
    );
    if (same) return;
    this.#view = next;
    for (const listener of this.#listeners) listener();
  }
}

export const link = new LinkSession();
