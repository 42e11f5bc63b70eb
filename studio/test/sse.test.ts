import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser, readEvents } from "../src/api/sse.ts";

const STREAM =
  "event: text\ndata: {\"a\":1}\n\n: keep-alive\n\nevent: done\r\ndata: one\r\ndata:two\r\n\r\n" +
  "data\r\rid: 7\nunknown: field\n\ndata: grün 🥁\n\n";
const EXPECTED = [
  { event: "text", data: '{"a":1}' },
  { event: "done", data: "one\ntwo" },
  { event: "message", data: "" },
  { event: "message", data: "grün 🥁" },
];

test("a stream is read the same wherever it is cut in two", () => {
  for (let cut = 0; cut <= STREAM.length; cut += 1) {
    const parser = new EventParser();
    const events = [...parser.push(STREAM.slice(0, cut)), ...parser.push(STREAM.slice(cut))];
    assert.deepEqual(events, EXPECTED, `cut at ${cut}`);
  }
});

test("a stream is read the same one character at a time", () => {
  const parser = new EventParser();
  const events = Array.from(STREAM).flatMap((character) => parser.push(character));
  assert.deepEqual(events, EXPECTED);
});

test("characters cut in the middle of their bytes are put together", async () => {
  const bytes = new TextEncoder().encode(`\uFEFF${STREAM}`);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events = [];
  for await (const event of readEvents(body)) events.push(event);
  assert.deepEqual(events, EXPECTED);
});

test("an event without its empty line never happened", () => {
  assert.deepEqual(new EventParser().push("event: done\ndata: {}\n"), []);
});
