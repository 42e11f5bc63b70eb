// Finds and sets parameters of devices, all of a block or none. For [js]: ES5.
//
// Live makes a step of its undo from each parameter that is set, whatever is asked for; so what was
// there is remembered here, and put back on request.

var refuse = require("refusal").refuse;
var described = require("refusal").described;
var isObject = require("values").isObject;
var isList = require("values").isList;

var MAX_CHANGES = 500;
var MAX_RAMP = 600000; // ms
var MOST_UNDO = 32;
var STEP = 25; // ms between two values of a ramp

exports.checked = checked;
exports.Writer = Writer;

// The changes of a block. Throws a Refusal that names what is wrong.
function checked(block) {
  if (!isObject(block) || block.type !== "parameters" || !isList(block.changes)) {
    refuse("invalid_input", "this is no block of parameters", 'it needs "type" and "changes"');
  }
  if (!block.changes.length || block.changes.length > MAX_CHANGES) {
    refuse(
      "invalid_input",
      "the block has " + block.changes.length + " changes",
      "1 to " + MAX_CHANGES
    );
  }
  var changes = [];
  for (var i = 0; i < block.changes.length; i++) {
    changes.push(change(block.changes[i], "change " + i));
  }
  return changes;
}

function change(given, where) {
  if (!isObject(given)) {
    refuse("invalid_input", where + " is not an object", "it needs device, parameter and value");
  }
  var track = given.track === undefined || given.track === null ? "selected" : given.track;
  key(track, where + ": track");
  key(given.device, where + ": device");
  key(given.parameter, where + ": parameter");
  var value = given.value;
  var named = typeof value === "string" && value.length > 0 && value.length <= 200;
  if (!named && !(typeof value === "number" && isFinite(value))) {
    refuse("invalid_input", where + ": the value is not one", "a number, or the name of a value");
  }
  var ramp = given.ramp_ms === undefined || given.ramp_ms === null ? 0 : given.ramp_ms;
  if (typeof ramp !== "number" || !(ramp >= 0 && ramp <= MAX_RAMP)) {
    refuse("invalid_input", where + ": ramp_ms is out of range", "0 to " + MAX_RAMP);
  }
  return {
    track: track,
    device: given.device,
    parameter: given.parameter,
    value: value,
    ramp: ramp,
  };
}

function key(value, where) {
  var named = typeof value === "string" && value.length > 0 && value.length <= 200;
  var number =
    typeof value === "number" && value >= 0 && value < 100000 && Math.floor(value) === value;
  if (!named && !number) {
    refuse("invalid_input", where + " is missing or no name", "a name, or a number from 0");
  }
}

// `later` makes a Task from a function, `tell` takes reports of ramps that ended.
function Writer(live, later, tell) {
  this.live = live;
  this.later = later;
  this.tell = tell;
  this.ramps = [];
  this.past = []; // what can be put back, the newest last
}

Writer.prototype.write = function (changes, selected) {
  var plans = [];
  var i;
  for (i = 0; i < changes.length; i++) {
    plans.push(this.plan(changes[i], selected));
  }
  this.stopThose(plans);
  var self = this;
  var set = [];
  this.live.inOneStep(function () {
    try {
      for (i = 0; i < plans.length; i++) {
        if (!plans[i].ramp) {
          set.push(plans[i]);
          self.set(plans[i]);
        }
      }
    } catch (error) {
      putBack(self.live, set);
      throw error;
    }
  });
  this.past.push(plans);
  if (this.past.length > MOST_UNDO) {
    this.past.shift();
  }
  var told = [];
  for (i = 0; i < plans.length; i++) {
    if (plans[i].ramp) {
      this.start(plans[i]);
    }
    told.push(this.changed(plans[i]));
  }
  return { type: "applied", ok: true, kind: "parameters", changes: told };
};

// What would be set, and to what. Everything that can be refused is refused here.
Writer.prototype.plan = function (wanted, selected) {
  var live = this.live;
  var track = masterOr(live, wanted.track, selected);
  if (wanted.device !== "mixer" && live.flag(track.api, "is_frozen")) {
    refuse("unfit", 'the track "' + track.name + '" is frozen', "unfreeze it; nothing was changed");
  }
  var device = deviceOf(live, track, wanted.device);
  var api = parameterOf(live, device, wanted.parameter);
  var name = live.text(api, "name");
  if (!live.number(api, "is_enabled", 1)) {
    refuse(
      "unfit",
      'the parameter "' + name + '" of ' + device.name + " is not enabled",
      "a macro or another device holds it; nothing was changed"
    );
  }
  var low = live.number(api, "min", 0);
  var high = live.number(api, "max", 1);
  var steps = live.flag(api, "is_quantized");
  if (steps && wanted.ramp) {
    refuse("invalid_input", '"' + name + '" has steps and cannot be ramped', "set ramp_ms to 0");
  }
  var value =
    typeof wanted.value === "number"
      ? wanted.value
      : ofName(live, api, name, wanted.value, steps, low);
  var kept = Math.min(high, Math.max(low, steps ? Math.round(value) : value));
  return {
    api: api,
    id: Number(api.id),
    track: track.name,
    device: device.name,
    parameter: name,
    from: live.number(api, "value", low),
    to: kept,
    clamped: kept !== value,
    ramp: wanted.ramp,
  };
};

Writer.prototype.set = function (plan) {
  plan.api.set("value", plan.to);
  var found = this.live.number(plan.api, "value", NaN);
  if (!(Math.abs(found - plan.to) <= tolerance(plan))) {
    refuse(
      "not_applied",
      'Live did not take the value of "' + plan.parameter + '"',
      "automation may hold it; all is as it was"
    );
  }
};

Writer.prototype.start = function (plan) {
  var self = this;
  var ramp = { plan: plan, done: 0, task: null };
  ramp.task = this.later(function () {
    self.step(ramp);
  });
  this.ramps.push(ramp);
  ramp.task.schedule(STEP);
};

Writer.prototype.step = function (ramp) {
  var plan = ramp.plan;
  if (this.ramps.indexOf(ramp) < 0) {
    return;
  }
  ramp.done += STEP;
  var share = Math.min(1, ramp.done / plan.ramp);
  try {
    if (!this.live.there(plan.api) || !this.live.number(plan.api, "is_enabled", 1)) {
      refuse(
        "not_found",
        'the parameter "' + plan.parameter + '" is gone',
        "the ramp ended on its way"
      );
    }
    plan.api.set("value", share === 1 ? plan.to : plan.from + (plan.to - plan.from) * share);
  } catch (error) {
    this.forget(ramp);
    this.tell({ type: "applied", ok: false, kind: "parameters", error: described(error) });
    return;
  }
  if (share < 1) {
    ramp.task.schedule(STEP);
    return;
  }
  this.forget(ramp);
  this.tell({ type: "ramped", ok: true, kind: "parameters", changes: [this.changed(plan)] });
};

Writer.prototype.forget = function (ramp) {
  ramp.task.cancel();
  this.ramps.splice(this.ramps.indexOf(ramp), 1);
};

// A parameter goes one way at a time: the newest wins.
Writer.prototype.stopThose = function (plans) {
  for (var i = this.ramps.length - 1; i >= 0; i--) {
    for (var k = 0; k < plans.length; k++) {
      if (plans[k].id === this.ramps[i].plan.id) {
        this.forget(this.ramps[i]);
        break;
      }
    }
  }
};

Writer.prototype.stop = function () {
  while (this.ramps.length) {
    this.forget(this.ramps[0]);
  }
};

Writer.prototype.undo = function () {
  if (!this.past.length) {
    refuse("not_found", "there is nothing to undo", "Live's own undo goes further back");
  }
  var plans = this.past.pop();
  var self = this;
  var moving = [];
  for (var i = 0; i < this.ramps.length; i++) {
    moving.push(this.ramps[i].plan);
  }
  this.stopThose(plans);
  var back = [];
  for (i = 0; i < plans.length; i++) {
    var now = this.live.there(plans[i].api) ? this.live.number(plans[i].api, "value", NaN) : NaN;
    var ours = Math.abs(now - plans[i].to) <= tolerance(plans[i]);
    if (ours || (moving.indexOf(plans[i]) >= 0 && isFinite(now))) {
      back.push(plans[i]);
    }
  }
  this.live.inOneStep(function () {
    putBack(self.live, back);
  });
  return {
    type: "undone",
    ok: true,
    kind: "parameters",
    changes: back.length,
    left: plans.length - back.length,
  };
};

// As it is now, with Live's own words for the value.
Writer.prototype.changed = function (plan) {
  var now = this.live.number(plan.api, "value", plan.to);
  var display = "";
  try {
    display = String(plan.api.call("str_for_value", now) || "");
  } catch (error) {
    display = String(now);
  }
  return {
    track: plan.track,
    device: plan.device,
    parameter: plan.parameter,
    from: plan.from,
    to: plan.to,
    display: display,
    clamped: plan.clamped,
    ramp_ms: plan.ramp,
  };
};

// Backwards, so that what was set twice ends where it began.
function putBack(live, plans) {
  var failed = 0;
  for (var i = plans.length - 1; i >= 0; i--) {
    try {
      if (live.number(plans[i].api, "value", NaN) !== plans[i].from) {
        plans[i].api.set("value", plans[i].from);
      }
    } catch (error) {
      failed++;
    }
  }
  if (failed) {
    refuse("half_done", failed + " parameters did not go back", "press undo in Live");
  }
}

function tolerance(plan) {
  return 1e-4 * Math.max(1, Math.abs(plan.to));
}

function masterOr(live, wanted, selected) {
  if (wanted === "master") {
    var api = live.child(live.song(), "master_track");
    return { api: api, name: live.text(api, "name") };
  }
  return live.track(wanted, selected, true);
}

function deviceOf(live, track, wanted) {
  if (wanted === "mixer") {
    var mixer = live.child(track.api, "mixer_device");
    var parts = live
      .ids(mixer, "volume")
      .concat(live.ids(mixer, "panning"), live.ids(mixer, "sends"));
    return { name: "mixer", ids: parts, mixer: true };
  }
  var ids = live.ids(track.api, "devices");
  var index = typeof wanted === "number" ? wanted : live.named(ids, wanted, "device");
  if (index >= ids.length) {
    refuse(
      "not_found",
      "there is no device " + wanted + " on " + track.name,
      "it has " + ids.length
    );
  }
  var api = live.byId(ids[index]);
  return { name: live.text(api, "name"), ids: live.ids(api, "parameters") };
}

function parameterOf(live, device, wanted) {
  var index = wanted;
  if (device.mixer && typeof wanted === "string") {
    var short = { volume: 0, panning: 1, pan: 1 };
    var send = /^send ([a-l])$/i.exec(wanted);
    var known = Object.prototype.hasOwnProperty.call(short, wanted.toLowerCase());
    index = known
      ? short[wanted.toLowerCase()]
      : send
        ? 2 + "abcdefghijkl".indexOf(send[1].toLowerCase())
        : wanted;
  }
  if (typeof index === "string") {
    index = live.named(device.ids, index, "parameter");
  }
  if (index >= device.ids.length) {
    refuse(
      "not_found",
      "there is no parameter " + wanted + " in " + device.name,
      "it has " + device.ids.length
    );
  }
  return live.byId(device.ids[index]);
}

function ofName(live, api, name, wanted, steps, low) {
  if (!steps) {
    refuse(
      "invalid_input",
      '"' + name + '" takes a number, not "' + wanted.substring(0, 40) + '"',
      "give a number"
    );
  }
  var items = live.list(api, "value_items");
  for (var i = 0; i < items.length; i++) {
    if (String(items[i]).toLowerCase() === wanted.toLowerCase()) {
      return low + i;
    }
  }
  refuse(
    "not_found",
    '"' + name + '" has no value "' + wanted.substring(0, 40) + '"',
    "it has: " + items.slice(0, 20).join(", ").substring(0, 300)
  );
}
