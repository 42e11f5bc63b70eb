"use strict";
// An object of Live's model: its id, which goes stale when it is deleted, its properties, children
// and functions, and who observes it.

class Thing {
  constructor(set, type, parent) {
    this.set = set;
    this.type = type;
    this.parent = parent;
    this.properties = new Map();
    this.children = new Map();
    this.functions = new Map();
    this.observers = new Map();
    this.id = set.register(this);
  }

  // `check` turns what is set into what is kept, or throws what Live would say.
  property(name, value, { check = null, observe = true, alone = false } = {}) {
    this.properties.set(name, { value, check, observe, alone, read: null });
  }

  // A property that follows from others.
  derived(name, read, { observe = false } = {}) {
    this.properties.set(name, { value: undefined, check: null, observe, alone: false, read });
  }

  child(name, read) {
    this.children.set(name, read);
  }

  function(name, work) {
    this.functions.set(name, work);
  }

  get(name) {
    const own = this.properties.get(name);
    if (own) return own.read ? own.read() : own.value;
    return undefined;
  }

  put(name, value) {
    const own = this.properties.get(name);
    if (!own || !own.check) throw new Error(`'${this.type}' has no settable property '${name}'`);
    this.set.faults.strike(`to set ${name}`);
    const kept = own.check.call(this, value);
    const before = own.value;
    this.set.history.change(
      () => this.assign(name, kept),
      () => this.assign(name, before),
      own.alone,
    );
  }

  assign(name, value) {
    this.properties.get(name).value = value;
    this.notify(name);
  }

  run(name, args) {
    const work = this.functions.get(name);
    if (!work) throw new Error(`'${this.type}' has no function '${name}'`);
    this.set.faults.strike(name, this);
    const result = work.apply(this, args);
    this.set.faults.twist(name, this);
    return result;
  }

  observe(name, observer) {
    const own = this.properties.get(name);
    if (!(own ? own.observe : this.children.has(name))) {
      throw new Error(`'${name}' of '${this.type}' cannot be observed`);
    }
    if (!this.observers.has(name)) this.observers.set(name, new Set());
    this.observers.get(name).add(observer);
    return () => this.observers.get(name).delete(observer);
  }

  notify(name) {
    for (const observer of [...(this.observers.get(name) || [])]) {
      this.set.history.notifying += 1;
      try {
        observer();
      } finally {
        this.set.history.notifying -= 1;
      }
    }
  }

  // The one path that Live itself would say.
  path() {
    if (!this.parent) return this.root;
    for (const [name, read] of this.parent.children) {
      const found = read();
      if (found === this) return `${this.parent.path()} ${name}`;
      if (Array.isArray(found) && found.includes(this)) {
        return `${this.parent.path()} ${name} ${found.indexOf(this)}`;
      }
    }
    return "";
  }

  // Deleted: its id means nothing any more, nor do those of what is in it.
  retire() {
    this.set.unregister(this);
    for (const each of this.inside()) each.retire();
  }

  // Back by undo: under another id.
  revive() {
    this.id = this.set.register(this);
    for (const each of this.inside()) each.revive();
  }

  inside() {
    return [...this.children.values()]
      .flatMap((read) => read())
      .filter((each) => each && each.parent === this);
  }
}

const text = (value) => String(value);
const between = (low, high) =>
  function (value) {
    if (typeof value !== "number" || !(value >= low && value <= high)) {
      throw new Error(`${value} is out of range`);
    }
    return value;
  };
const switched = (value) => (Number(value) ? 1 : 0);

module.exports = { Thing, text, between, switched };
