"use strict";
// Max's scheduler, in time that only passes when it is told to.

class Time {
  constructor() {
    this.now = 0;
    this.queue = [];
    this.order = 0;
  }

  after(ms, work) {
    const entry = { at: this.now + Math.max(0, ms), order: this.order++, work };
    this.queue.push(entry);
    return () => {
      const at = this.queue.indexOf(entry);
      if (at >= 0) this.queue.splice(at, 1);
    };
  }

  // Let time pass, and do what falls due, in its order.
  pass(ms) {
    const until = this.now + ms;
    for (;;) {
      this.queue.sort((a, b) => a.at - b.at || a.order - b.order);
      if (!this.queue.length || this.queue[0].at > until) break;
      const next = this.queue.shift();
      this.now = next.at;
      next.work();
    }
    this.now = until;
  }

  taskClass() {
    const time = this;
    return class Task {
      constructor(work, self, ...given) {
        Object.assign(this, { work, self, arguments: given, running: false, cancelled: null });
      }

      schedule(ms = 0) {
        this.cancel();
        this.running = true;
        this.cancelled = time.after(ms, () => {
          this.running = false;
          this.execute();
        });
      }

      execute() {
        this.work.apply(this.self || this, this.arguments);
      }

      cancel() {
        if (this.cancelled) this.cancelled();
        this.cancelled = null;
        this.running = false;
      }
    };
  }
}

module.exports = { Time };
