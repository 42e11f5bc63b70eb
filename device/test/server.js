"use strict";
// Conduit itself, as a process with a home of its own and the offline agent.

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const readline = require("node:readline");

const COMMAND =
  process.env.CONDUIT_COMMAND || path.resolve(__dirname, "..", "..", ".venv", "bin", "conduit");

class Server {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "conduit-device-"));
    this.home = path.join(this.folder, "home");
    this.url = "";
  }

  static there() {
    return fs.existsSync(COMMAND);
  }

  // On the same port again after `stop`.
  async start() {
    const port = this.url ? new URL(this.url).port : "0";
    const log = fs.openSync(path.join(this.folder, "server.log"), "a");
    this.process = spawn(
      COMMAND,
      ["up", "--port", port, "--grpc-port", "0", "--no-open", "--no-flex", "--json"],
      {
        stdio: ["ignore", "pipe", log],
        env: this.environment(),
      },
    );
    fs.closeSync(log);
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.ended = ended;
    const lines = readline.createInterface({ input: this.process.stdout });
    const first = await Promise.race([
      new Promise((resolve) => lines.once("line", resolve)),
      ended.then(() => ""),
    ]);
    if (!first) throw new Error(`the server did not start:\n${this.log()}`);
    this.url = JSON.parse(first).url;
    return this;
  }

  // Another command of Conduit, to its end.
  async run(...words) {
    const done = spawn(COMMAND, words, {
      stdio: ["ignore", "ignore", "inherit"],
      cwd: this.folder,
      env: this.environment(),
    });
    const status = await new Promise((resolve) => done.once("exit", resolve));
    if (status !== 0) throw new Error(`conduit ${words.join(" ")} ended with ${status}`);
  }

  environment() {
    return {
      ...process.env,
      CONDUIT_HOME: this.home,
      CONDUIT_DB_URI: `sqlite:///${path.join(this.folder, "conduit.db")}`,
    };
  }

  log() {
    return fs.readFileSync(path.join(this.folder, "server.log"), "utf8");
  }

  async stop(signal = "SIGTERM") {
    this.process.kill(signal);
    await this.ended;
  }

  async remove() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

module.exports = { Server };
