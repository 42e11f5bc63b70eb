"use strict";
// LiveAPI as [js] and [v8] have it, over a simulated set. One class for each [js] object, for it
// has to know whether that object may use Live yet, and call back into it.

const { RuleBroken } = require("./rules");

// Devices use them, and Live's reference does not have them: nobody may look for them in `info`.
const UNPUBLISHED = new Set(["begin_undo_step", "end_undo_step"]);

function liveApiFor(set, host) {
  return class LiveAPI {
    constructor(...given) {
      this.callback = typeof given[0] === "function" ? given.shift() : null;
      if (given[0] === null) given.shift();
      if (host.loading) set.rules.break("LiveAPI cannot be used in global code");
      if (!set.ready)
        set.rules.break("LiveAPI was used before live.thisdevice said that Live is ready");
      if (host.highPriority)
        set.rules.break("LiveAPI lives in the low-priority thread only: defer");
      set.apis += 1;
      this.thing = null;
      this.stop = null;
      this.observed = "";
      this.goto(given[0] === undefined ? "" : given[0]);
    }

    goto(path) {
      this.property = "";
      this.thing = found(path);
      this.call_back(["id", Number(this.id)]);
    }

    call_back(atoms) {
      if (this.callback) this.callback.call(this, atoms);
    }

    get alive() {
      return this.thing !== null && this.thing.id !== 0;
    }

    // "0" is what an object that was deleted has, and one that never was.
    get id() {
      return this.alive ? String(this.thing.id) : "0";
    }

    set id(id) {
      this.goto(`id ${id}`);
    }

    get type() {
      return this.alive ? this.thing.type : "";
    }

    get unquotedpath() {
      return this.alive ? this.thing.path() : "";
    }

    get path() {
      return `"${this.unquotedpath}"`;
    }

    set path(path) {
      this.goto(path);
    }

    get info() {
      if (!this.alive) return "No object";
      const { thing } = this;
      return [
        `id ${thing.id}`,
        `type ${thing.type}`,
        ...[...thing.children.keys()].map((name) => `child ${name} ${name}`),
        ...[...thing.properties.keys()].map((name) => `property ${name} symbol`),
        ...[...thing.functions.keys()]
          .filter((name) => !UNPUBLISHED.has(name))
          .map((name) => `function ${name}`),
        "done",
      ].join("\n");
    }

    get property() {
      return this.observed;
    }

    set property(name) {
      if (this.stop) this.stop();
      this.stop = null;
      this.observed = name;
      if (!name || !this.alive) return;
      const tell = () => this.call_back([name, ...this.get(name)]);
      this.stop = this.thing.observe(name, tell);
      tell();
    }

    get(name) {
      if (!this.alive) {
        set.rules.posted.push("get: no valid object set");
        return [];
      }
      const read = this.thing.children.get(name);
      if (read) return idsOf(read());
      const value = this.thing.get(name);
      if (value === undefined) {
        set.rules.posted.push(`get: invalid property ${name}`);
        return [];
      }
      return Array.isArray(value) ? [...value] : [value];
    }

    set(name, value) {
      if (!this.alive) {
        set.rules.posted.push("set: no valid object set");
        return;
      }
      tried(() => this.thing.put(name, atomOf(value)));
    }

    call(name, ...given) {
      if (!this.alive) {
        set.rules.posted.push("call: no valid object set");
        return undefined;
      }
      set.calls.push(name);
      const words = given.map((each) => argument(set, each));
      const result = tried(() => this.thing.run(name, words));
      if (result === undefined || result === null) return 0;
      if (Array.isArray(result)) return result.slice();
      return typeof result === "object" ? ["id", result.id] : result;
    }

    getcount(name) {
      const found =
        this.alive && this.thing.children.has(name) ? this.thing.children.get(name)() : [];
      return Array.isArray(found) ? found.length : Number(Boolean(found));
    }
  };

  // Max writes what Live refuses into its window, and the script goes on. Whether all versions do
  // is written nowhere: a script has to do with both.
  function tried(work) {
    try {
      return work();
    } catch (error) {
      if (error instanceof RuleBroken || set.throws) throw error;
      set.rules.posted.push(error.message);
      return undefined;
    }
  }

  function found(path) {
    if (path === "") return null;
    const [first, ...up] = String(path).split(" ");
    if (first === "this_device")
      return up.reduce((thing) => thing && thing.parent, host.device || null);
    return set.at(typeof path === "number" ? `id ${path}` : path);
  }

  function atomOf(value) {
    if (typeof value === "boolean") return value ? 1 : 0;
    if (typeof value === "number" && !Number.isFinite(value)) {
      set.rules.break(`${value} was given to Live`);
    }
    return value;
  }
}

function idsOf(found) {
  const list = Array.isArray(found) ? found : [found];
  if (!list.length) return [];
  return list.flatMap((each) => ["id", each ? each.id : 0]);
}

// "id 5" means an object; one that is gone crashes a real Live, or worse.
function argument(set, value) {
  if (typeof value === "string" && /^id \d+$/.test(value)) {
    const thing = set.at(value);
    if (!thing) set.rules.break(`"${value}" was given to Live, and there is no such object`);
    return thing;
  }
  if (typeof value === "object" && value !== null) return JSON.parse(JSON.stringify(value));
  if (typeof value === "number" && !Number.isFinite(value))
    set.rules.break(`${value} was given to Live`);
  return value;
}

module.exports = { liveApiFor };
