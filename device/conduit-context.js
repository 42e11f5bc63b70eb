"use strict";
// Keeps the server's picture of the set the same as the device's: the whole once, then differences.

const { between } = require("./differences");

const MOST_DEPTH = 32;
const LONGEST_NAME = 200;

class Context {
  // `client` sends, `session` is the conversation that the set belongs to; `asked` is called when
  // the device has to tell all of it again.
  constructor(client, session, asked) {
    Object.assign(this, { client, session, asked });
    this.whole = null;
    this.sound = ""; // where the newest sound that was shown lies on this machine
    this.heard = 0; // version by the device's count
    this.sent = null; // what the server has
    this.version = 0; // by the server's count
    this.sending = null;
    this.refused = "";
  }

  // What session-context.js said.
  take(said) {
    if (isObject(said) && isObject(said.context)) {
      this.whole = said.context;
    } else if (isObject(said) && isObject(said.changes) && this.whole && said.base === this.heard) {
      this.whole = merged(this.whole, said.changes);
    } else {
      this.asked(); // one of them was missed
      return;
    }
    this.heard = said.version;
    const { clip } = this.whole;
    if (isObject(clip) && typeof clip.file_path === "string") this.sound = clip.file_path;
  }

  // Whether the clip that is shown now is one of sound.
  showsSound() {
    return Boolean(this.whole && isObject(this.whole.clip) && this.whole.clip.kind === "audio");
  }

  // The server wrote what it heard into the set, which made another version of it.
  noted(version) {
    if (this.version && Number(version) > this.version) this.version = Number(version);
  }

  // Another conversation has this set from now on.
  moveTo(session) {
    if (session !== this.session) this.lost();
    this.session = session;
  }

  // The server was started anew, or is another one.
  lost() {
    this.version = 0;
    this.sent = null;
  }

  // Brings the server up to date; one request at a time, the newest state in each. Never throws: a
  // prompt is worth asking without it too. Gives what was wrong, or null.
  flush() {
    if (!this.sending) {
      this.sending = this.send().finally(() => {
        this.sending = null;
      });
    }
    return this.sending;
  }

  async send() {
    try {
      while (this.whole && this.sent !== this.whole) await this.sendOnce(this.whole);
      return null;
    } catch (problem) {
      this.lost();
      return problem;
    }
  }

  async sendOnce(whole) {
    const { session } = this;
    if (this.version) {
      const changes = between(shown(this.sent), shown(whole)) || {};
      try {
        const reply = await this.client.send("PATCH", "/live/context", {
          session,
          version: this.version,
          changes,
        });
        this.have(session, whole, reply);
        return;
      } catch (problem) {
        if (problem.status < 400 || problem.status >= 500) throw problem;
        this.lost(); // another version is there, or none: all of it again
      }
    }
    const reply = await this.client.send("PUT", "/live/context", {
      session,
      context: shown(whole),
    });
    this.have(session, whole, reply);
  }

  have(session, whole, reply) {
    if (session !== this.session) return; // it was moved meanwhile, and is told there again
    this.sent = whole;
    this.version = Number(reply.version) || 0;
  }
}

// What the server is told: of a sound its name, and not where it lies.
function shown(whole) {
  if (!isObject(whole.clip) || whole.clip.file_path === undefined) return whole;
  const { file_path: file, ...clip } = whole.clip;
  return { ...whole, clip: { ...clip, file: nameOf(String(file)) } };
}

// Of a path as any system writes it.
function nameOf(file) {
  return file
    .split(/[\\/:]/)
    .pop()
    .slice(0, LONGEST_NAME);
}

// A merge patch (RFC 7396) put into force. What it is put on stays as it is.
function merged(before, changes, depth = 0) {
  if (!isObject(changes) || depth > MOST_DEPTH) return changes;
  const whole = isObject(before) ? { ...before } : {};
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete whole[name];
    else whole[name] = merged(whole[name], value, depth + 1);
  }
  return whole;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

module.exports = { Context, merged, nameOf };
