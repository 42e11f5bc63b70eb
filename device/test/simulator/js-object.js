"use strict";
// The object [js]: a script in a global scope of its own, with what Max has there and nothing else
// (no setTimeout, no console, no module of Node).

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");
const { checkAtoms } = require("./rules");
const { liveApiFor } = require("./live-api");

// An object that all scripts of one Max share by its name.
function globalFor(shared) {
  return class Global {
    constructor(name) {
      if (!shared.has(name)) shared.set(name, {});
      return shared.get(name);
    }
  };
}

class JsObject {
  // `device` is the thing in the set that the script belongs to.
  constructor(set, time, file, send, device = null) {
    this.set = set;
    this.device = device;
    this.highPriority = false;
    this.loading = true;
    this.folder = path.dirname(file);
    this.modules = new Map();
    this.scope = vm.createContext({
      LiveAPI: liveApiFor(set, this),
      Global: globalFor(set.shared),
      Task: time.taskClass(),
      post: (...words) => set.rules.posted.push(words.join(" ")),
      error: (...words) => set.rules.posted.push(words.join(" ")),
      outlet: (number, ...atoms) => this.out(send, number, atoms),
      arrayfromargs: (...given) =>
        given.flatMap((each) => Array.from(each.length === undefined ? [each] : each)),
      require: (name) => this.require(name),
      inlets: 1,
      outlets: 1,
      inlet: 0,
      autowatch: 0,
      messagename: "",
      jsarguments: [path.basename(file)],
    });
    vm.runInContext(fs.readFileSync(file, "utf8"), this.scope, { filename: file });
    this.loading = false;
  }

  // As Max does it: a file of the search path, its `exports`, once for each object.
  require(name) {
    if (!this.modules.has(name)) {
      const file = path.join(this.folder, `${name.replace(/\.js$/, "")}.js`);
      const wrapped = `(function (exports, require) {${fs.readFileSync(file, "utf8")}\n})`;
      const exports = vm.runInContext("({})", this.scope);
      this.modules.set(name, exports);
      vm.runInContext(wrapped, this.scope, { filename: file })(exports, (each) =>
        this.require(each),
      );
    }
    return this.modules.get(name);
  }

  out(send, number, atoms) {
    if (number >= this.scope.outlets) this.set.rules.break(`there is no outlet ${number}`);
    const flat = atoms.flatMap((each) =>
      typeof each === "object" && each ? Array.from(each) : [each],
    );
    send(checkAtoms(this.set.rules, flat));
  }

  // A message at its inlet.
  send(...atoms) {
    checkAtoms(this.set.rules, atoms);
    const [name, ...rest] = atoms;
    this.scope.messagename = name;
    const handler = Object.hasOwn(this.scope, name) ? this.scope[name] : undefined;
    if (typeof handler === "function" && !handler.local && handler !== this.scope.LiveAPI) {
      handler.apply(this.scope, rest);
    } else if (typeof this.scope.anything === "function") {
      this.scope.anything.apply(this.scope, rest);
    } else {
      this.set.rules.break(`js: no function ${name}`);
    }
  }
}

module.exports = { JsObject };
