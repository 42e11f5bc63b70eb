"use strict";
// A server that speaks Conduit's wire by a script, to misbehave as ours does not on request.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const { fixture, liveSet } = require("./given");
const { Rig } = require("./simulator/rig");

const TOKEN = "cl-not-a-real-token-0123456789";

class Scripted {
  constructor() {
    this.asked = []; // [method and route, body, headers, query]
    this.answers = new Map();
    this.sockets = new Set();
    this.version = 0;
    this.on("GET /providers", fixture("providers"));
    this.on("GET /presets", { presets: [{ name: "live_set" }] });
    this.on("PUT /live/context", () => ({ version: ++this.version }));
    this.on("PATCH /live/context", () => ({ version: ++this.version }));
    this.on("POST /ask", (reply) => stream(reply, [["done", fixture("reply")]]));
  }

  // `answer`: a value, [status, value], or what writes the response itself and returns nothing.
  on(route, answer) {
    this.answers.set(route, answer);
    return this;
  }

  async start(port = 0) {
    this.server = http.createServer((request, reply) => this.take(request, reply));
    this.server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  take(request, reply) {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const whole = Buffer.concat(parts);
      const isJson = request.headers["content-type"] === "application/json";
      const body = isJson ? JSON.parse(whole.toString()) : whole.length ? whole : null;
      const [address, query] = request.url.split("?");
      const route = `${request.method} ${address}`;
      const asked = Object.fromEntries(new URLSearchParams(query));
      this.asked.push([route, body, request.headers, asked]);
      const answer = this.answers.get(route);
      const value = typeof answer === "function" ? answer(reply, body) : answer;
      if (value === undefined && answer !== undefined) return;
      const [status, data] = Array.isArray(value)
        ? value
        : [value === undefined ? 404 : 200, value || fixture("error")];
      reply.writeHead(status, { "content-type": "application/json" });
      reply.end(JSON.stringify(data));
    });
  }

  queries(route) {
    return this.asked.filter((each) => each[0] === route).map((each) => each[3]);
  }

  bodies(route) {
    return this.asked.filter((each) => each[0] === route).map((each) => each[1]);
  }

  async stop() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

// Writes events, and ends unless `open`.
function stream(reply, events, { open = false } = {}) {
  if (!reply.headersSent) reply.writeHead(200, { "content-type": "text/event-stream" });
  for (const [name, data] of events)
    reply.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  if (!open) reply.end();
}

// A device in a set, wired to a scripted server.
async function wired(t, { timeout = 5000, server = new Scripted(), start = true, ...more } = {}) {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "device-home-"));
  fs.writeFileSync(path.join(home, "live.token"), `${TOKEN}\n`);
  await server.start();
  if (!start) await server.stop();
  Object.assign(process.env, {
    CONDUIT_URL: server.url,
    CONDUIT_HOME: home,
    CONDUIT_DEVICE_TIMEOUT_MS: String(timeout),
  });
  const set = liveSet();
  const rig = new Rig(set, more).ready();
  t.after(async () => {
    rig.close();
    if (server.server.listening) await server.stop();
    fs.rmSync(home, { recursive: true });
    assert.deepEqual(set.rules.broken, []);
  });
  if (start)
    await rig.until(
      () => rig.status("state") === "ready" && server.bodies("PUT /live/context").length,
    );
  return { server, set, rig, before: set.picture() };
}

module.exports = { Scripted, TOKEN, stream, wired };
