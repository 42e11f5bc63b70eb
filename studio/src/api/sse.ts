/**
 * Server-sent events from a byte stream, read piece by piece.
 *
 * The browser's EventSource can only GET, and an answer is asked for with POST, so the stream is
 * parsed here, by the rules of the HTML standard (section 9.2.6): lines end in CR, LF or CRLF,
 * `:` starts a comment, several `data` lines are joined with LF, an empty line sends the event.
 */

export type ServerSentEvent = { event: string; data: string };

export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #first = true;

  /** Take the next piece of text, however it was cut, and return the events it completes. */
  push(piece: string): ServerSentEvent[] {
    let text = this.#rest + piece;
    if (this.#first && text !== "") {
      this.#first = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    const events: ServerSentEvent[] = [];
    let from = 0;
    for (;;) {
      const end = findLineEnd(text, from);
      if (end === null) break;
      const event = this.#line(text.slice(from, end.at));
      if (event !== null) events.push(event);
      from = end.next;
    }
    this.#rest = text.slice(from);
    return events;
  }

  #line(line: string): ServerSentEvent | null {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    return null;
  }

  #dispatch(): ServerSentEvent | null {
    const complete =
      this.#data.length > 0
        ? { event: this.#event || "message", data: this.#data.join("\n") }
        : null;
    this.#event = "";
    this.#data = [];
    return complete;
  }
}

/** A CR at the very end may be half of a CRLF, so it ends a line only when more text is there. */
function findLineEnd(text: string, from: number): { at: number; next: number } | null {
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === "\n") return { at, next: at + 1 };
    if (character === "\r") {
      if (at + 1 === text.length) return null;
      return { at, next: text[at + 1] === "\n" ? at + 2 : at + 1 };
    }
  }
  return null;
}

/** The events of a response body. Characters cut in the middle of their bytes are put together. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.releaseLock();
  }
}
