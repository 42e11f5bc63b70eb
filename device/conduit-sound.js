"use strict";
// Lets the server hear a sound of the set: its file goes there as it comes from the disk. Node's
// own modules only.

const fs = require("node:fs");
const path = require("node:path");
const { Problem } = require("./conduit-client");
const { nameOf } = require("./conduit-context");

const MOST_BYTES = 128 * 1024 * 1024;
const KINDS = { RIFF: "audio/wav", RF64: "audio/wav", FORM: "audio/aiff", fLaC: "audio/flac" };

class Sounds {
  constructor(client) {
    this.client = client;
    this.last = ""; // which state of which file was tried last, and for which conversation
    this.pending = null;
  }

  // What the server says of the sound; null where it was tried last, and nobody insists. Throws a
  // Problem. Who asks again meanwhile gets the same answer.
  async hear(file, session, insist = false) {
    const place = placeOf(file);
    const state = await stateOf(place);
    const key = JSON.stringify([session, place, state]);
    if (key !== this.last || (insist && !this.pending)) {
      this.last = key;
      const heard = this.send(place, state, session).catch((problem) => {
        if (passing(problem) && this.last === key) this.last = "";
        throw problem;
      });
      this.pending = heard;
      const done = () => {
        if (this.pending === heard) this.pending = null;
      };
      heard.then(done, done);
    }
    return this.pending;
  }

  async send(place, state, session) {
    const name = nameOf(place);
    if (state === null)
      throw new Problem("not_found", `${name} is no file that can be read`, "is it offline?");
    if (state.size > MOST_BYTES)
      throw new Problem("too_large", `${name} has more than 128 MiB`, "crop the clip in Live");
    const type = KINDS[await beginning(place, name)];
    if (!type)
      throw new Problem("unfit", `${name} is no WAV, AIFF or FLAC file`, "freeze and flatten it");
    const source = fs.createReadStream(place, { end: state.size - 1 });
    const query = new URLSearchParams({ session, name });
    return this.client.upload(`/live/hear?${query}`, { source, type, length: state.size });
  }
}

// The first four bytes say what it is.
async function beginning(place, name) {
  try {
    const file = await fs.promises.open(place, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      return buffer.toString("latin1", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    throw new Problem("not_found", `${name} cannot be read`, "look at its permissions");
  }
}

// Some versions of Live write a path as Max does, with the name of the disk in front.
function placeOf(file) {
  return file.replace(/^[^/\\:]{2,}:(?=\/)/, "");
}

// Null for what is no file: a folder, a pipe that nobody writes to.
async function stateOf(place) {
  if (!path.isAbsolute(place)) return null;
  const about = await fs.promises.stat(place).catch(() => null);
  return about && about.isFile() ? { size: about.size, changed: about.mtimeMs } : null;
}

// It may be otherwise in a moment.
function passing(problem) {
  const { code, status } = problem;
  return ["unreachable", "interrupted", "timed_out"].includes(code) || status >= 500;
}

module.exports = { Sounds };
