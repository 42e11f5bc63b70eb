"use strict";
// The object [node.script]: the bridge in this process, with a `max-api` that keeps Max's rules.

const Module = require("node:module");
const path = require("node:path");
const { checkAtoms } = require("./rules");

class NodeScript {
  constructor(rules, file, send) {
    this.handlers = new Map();
    this.api = {
      MESSAGE_TYPES: { ALL: "all", BANG: "bang", DICT: "dict", LIST: "list", NUMBER: "number" },
      POST_LEVELS: { INFO: "info", WARN: "warn", ERROR: "error" },
      addHandler: (name, work) => this.handlers.set(name, work),
      addHandlers: (all) =>
        Object.entries(all).forEach(([name, work]) => this.handlers.set(name, work)),
      outlet: async (...atoms) => send(checkAtoms(rules, atoms.flat())),
      outletBang: async () => send(["bang"]),
      post: async (...words) => rules.posted.push(words.join(" ")),
    };
    this.script = this.load(file);
  }

  // Fresh for each device, as each has a process of its own.
  load(file) {
    const folder = path.dirname(file);
    for (const each of Object.keys(require.cache)) {
      if (path.dirname(each) === folder) delete require.cache[each];
    }
    const usual = Module._load;
    Module._load = (name, ...rest) =>
      name === "max-api" ? this.api : usual.call(Module, name, ...rest);
    try {
      return require(file);
    } finally {
      Module._load = usual;
    }
  }

  send(...atoms) {
    const handler = this.handlers.get(atoms[0]) || this.handlers.get("all");
    return handler
      ? handler(...(this.handlers.has(atoms[0]) ? atoms.slice(1) : [true, ...atoms]))
      : undefined;
  }

  close() {
    if (this.script.close) this.script.close();
  }
}

module.exports = { NodeScript };
