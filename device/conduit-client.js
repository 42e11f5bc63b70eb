"use strict";
// Conduit's HTTP API, and the server-sent events of an answer. Node's own modules only.

const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const { StringDecoder } = require("node:string_decoder");

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
const MOST_BYTES = 64 * 1024 * 1024; // of one answer
const LONGEST_TOKEN = 4096;

// What went wrong, for people: `unreachable` when nobody was there, `interrupted` when the server
// went away with an answer half said.
class Problem extends Error {
  constructor(code, message, hint = "", status = 0) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.status = status;
  }
}

class Client {
  // `timeoutMs` is how long to wait for the next thing to come; signs of life do not count.
  constructor({ url, home, timeoutMs }) {
    this.timeoutMs = timeoutMs;
    this.tokenFile = path.join(home || path.join(os.homedir(), ".conduit"), "live.token");
    this.given = "";
    this.at(url);
  }

  // The set is only told to this machine. Throws a Problem for any other address.
  at(url) {
    let parsed = null;
    try {
      parsed = new URL(url);
    } catch {
      throw new Problem(
        "invalid_input",
        `${String(url).slice(0, 80)} is no address`,
        "http://127.0.0.1:9321",
      );
    }
    if (parsed.protocol !== "http:" || !LOOPBACK.has(parsed.hostname)) {
      throw new Problem(
        "invalid_input",
        `${parsed.hostname} is not this machine`,
        "the device talks to 127.0.0.1 or localhost only, by http",
      );
    }
    this.base = parsed;
  }

  useToken(token) {
    const text = String(token).trim();
    if (text && !printable(text)) {
      throw new Problem(
        "invalid_input",
        "this is no token",
        "it is one line of letters and digits",
      );
    }
    this.given = text;
  }

  // What was given, or what the server keeps for devices of this machine. Read anew each time, for
  // it is made when the server first runs.
  token() {
    if (this.given) return this.given;
    try {
      const file = fs.openSync(this.tokenFile, "r");
      try {
        const data = Buffer.alloc(LONGEST_TOKEN);
        const text = data.toString("utf8", 0, fs.readSync(file, data)).trim();
        return printable(text) ? text : "";
      } finally {
        fs.closeSync(file);
      }
    } catch {
      return ""; // there is none yet; the server says so where one is needed
    }
  }

  get(route) {
    return this.send("GET", route);
  }

  // The answer as data. Throws a Problem.
  async send(method, route, body) {
    const reply = await this.open(method, route, json(body), "application/json");
    return parse(await this.whole(reply));
  }

  // Sends `length` bytes of the stream `source`, and gives the answer as data. Throws a Problem.
  async upload(route, body) {
    const reply = await this.open("POST", route, body, "application/json");
    return parse(await this.whole(reply));
  }

  // Calls `told(name, data)` for each event, and gives the data of the last one, `done`.
  async events(route, body, told, signal) {
    const reply = await this.open("POST", route, json(body), "text/event-stream", signal);
    const reader = new EventReader();
    let last = null;
    await this.read(
      reply,
      (text) => {
        let fresh = false;
        for (const each of reader.take(text)) {
          fresh = true;
          const data = parse(each.data);
          if (each.name === "error") throw problemOf(data, 0);
          if (each.name === "done") last = data;
          told(each.name, data);
        }
        return fresh;
      },
      signal,
    );
    if (last === null) {
      throw new Problem(
        "interrupted",
        "the server went away before it was done",
        "nothing was applied; ask again",
      );
    }
    return last;
  }

  open(method, route, body, accept, signal) {
    const headers = { accept, "x-conduit-device": "ableton" };
    const token = this.token();
    if (token) headers.authorization = `Bearer ${token}`;
    if (body) {
      headers["content-type"] = body.type;
      headers["content-length"] = body.length;
    }
    return new Promise((resolve, reject) => {
      const request = http.request(new URL(route, this.base), { method, headers, agent: false });
      const late = setTimeout(() => request.destroy(timedOut(this.timeoutMs)), this.timeoutMs);
      const leave = () => request.destroy(cancelled());
      if (signal) {
        if (signal.aborted) leave();
        signal.addEventListener("abort", leave, { once: true });
      }
      request.on("error", (error) => {
        clearTimeout(late);
        reject(error instanceof Problem ? error : unreachable(this.base, error));
      });
      request.on("response", (reply) => {
        clearTimeout(late);
        if (signal) signal.removeEventListener("abort", leave);
        if (reply.statusCode < 400) return resolve(reply);
        return this.whole(reply).then(
          (text) => reject(refusal(text, reply.statusCode)),
          (error) => reject(error),
        );
      });
      if (body && body.source) pour(body, request);
      else request.end(body ? body.data : null);
    });
  }

  async whole(reply) {
    const parts = [];
    await this.read(reply, (text) => parts.push(text));
    return parts.join("");
  }

  // Gives pieces of text to `take` as they come, which says whether one counted as news.
  read(reply, take, signal) {
    const decoder = new StringDecoder("utf8");
    let size = 0;
    return new Promise((resolve, reject) => {
      let late = null;
      const again = () => {
        clearTimeout(late);
        late = setTimeout(() => fail(timedOut(this.timeoutMs)), this.timeoutMs);
      };
      const fail = (error) => {
        clearTimeout(late);
        reject(error); // before the end of the connection says something vaguer
        reply.destroy();
      };
      again();
      if (signal) signal.addEventListener("abort", () => fail(cancelled()), { once: true });
      reply.on("data", (chunk) => {
        size += chunk.length;
        if (size > MOST_BYTES)
          return fail(new Problem("too_large", "the answer has no end", "ask for less"));
        try {
          if (take(decoder.write(chunk))) again();
        } catch (error) {
          fail(error);
        }
        return undefined;
      });
      reply.on("end", () => {
        clearTimeout(late);
        resolve();
      });
      const broken = () =>
        fail(new Problem("interrupted", "the connection broke", "nothing was applied; ask again"));
      reply.on("error", broken);
      reply.on("aborted", broken);
    });
  }
}

// Events out of text that comes in any pieces. Takes time linear in the text.
class EventReader {
  constructor() {
    this.parts = [];
    this.name = "message";
    this.data = [];
  }

  *take(text) {
    let at = 0;
    for (;;) {
      const end = text.indexOf("\n", at);
      if (end < 0) break;
      this.parts.push(text.slice(at, end));
      const line = this.parts.join("").replace(/\r$/, "");
      this.parts = [];
      at = end + 1;
      if (line === "") {
        if (this.data.length) yield { name: this.name, data: this.data.join("\n") };
        this.name = "message";
        this.data = [];
      } else if (line.startsWith("event:")) {
        this.name = line.slice(6).trim();
      } else if (line.startsWith("data:")) {
        this.data.push(line.slice(line[5] === " " ? 6 : 5));
      }
    }
    if (at < text.length) this.parts.push(text.slice(at));
  }
}

function json(body) {
  if (body === undefined) return null;
  const data = Buffer.from(JSON.stringify(body));
  return { type: "application/json", length: data.length, data };
}

// A file that became shorter meanwhile must not leave the server waiting for the rest.
function pour({ source, length }, request) {
  const changed = () =>
    request.destroy(new Problem("interrupted", "the file changed while it was read", "try again"));
  let sent = 0;
  source.on("data", (piece) => (sent += piece.length));
  source.on("error", changed);
  source.on("end", () => (sent === length ? request.end() : changed()));
  request.on("close", () => source.destroy());
  source.pipe(request, { end: false });
}

function parse(text) {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(
      "malformed",
      "the server's answer is no JSON",
      "is it Conduit that listens there?",
    );
  }
}

function problemOf(data, status) {
  const error = (data && data.error) || {};
  return new Problem(
    String(error.code || "failed"),
    String(error.message || `the server answered with status ${status}`).slice(0, 1000),
    String(error.hint || "").slice(0, 1000),
    status,
  );
}

function refusal(text, status) {
  try {
    return problemOf(JSON.parse(text), status);
  } catch {
    return problemOf(null, status);
  }
}

function unreachable(base, error) {
  const begun = error.code === "ECONNRESET" || error.code === "EPIPE";
  return begun
    ? new Problem("interrupted", "the connection broke", "nothing was applied; ask again")
    : new Problem(
        "unreachable",
        `nobody answers at ${base.host}`,
        "start it in a terminal: conduit up",
      );
}

const timedOut = (ms) =>
  new Problem("timed_out", `nothing came for ${ms / 1000} s`, "nothing was applied; ask again");
const cancelled = () => new Problem("cancelled", "cancelled", "nothing was applied");
const printable = (text) => /^[\x21-\x7e]{1,4095}$/.test(text);

module.exports = { Client, EventReader, Problem };
