// A block of notes: is it one, and what does Live make of it. Pure, knows no Live. For [js]: ES5.

var refuse = require("refusal").refuse;
var isObject = require("values").isObject;
var isList = require("values").isList;

var MAX_NOTES = 100000;
var MAX_BEATS = 100000;
var SHORTEST = 0.001; // beats; two notes of one pitch that start closer than this start at once
var MODES = { new: 1, replace: 1, merge: 1, new_scene: 1 };
var VIEWS = { session: 1, arrangement: 1 };

exports.MAX_NOTES = MAX_NOTES;
exports.MODES = MODES;
exports.checked = checked;
exports.settled = settled;
exports.lengthFor = lengthFor;
exports.same = same;
exports.forLive = forLive;

// The block with everything in it that may be left out. Throws a Refusal that names what is wrong.
function checked(block) {
  if (!isObject(block) || block.type !== "midi") {
    refuse("invalid_input", "this is no block of notes", 'it needs "type": "midi" and "notes"');
  }
  if (!isList(block.notes) || block.notes.length === 0) {
    refuse("invalid_input", "the block has no notes", '"notes" is a list of at least one note');
  }
  if (block.notes.length > MAX_NOTES) {
    refuse(
      "too_large",
      "the block has " + block.notes.length + " notes",
      "at most " + MAX_NOTES + " fit in one clip; ask for fewer bars"
    );
  }
  var notes = [];
  for (var i = 0; i < block.notes.length; i++) {
    notes.push(note(block.notes[i], i));
  }
  var length = block.length_beats;
  if (length !== undefined && length !== null) {
    number(length, "length_beats", SHORTEST, MAX_BEATS);
  }
  return {
    name: text(block.name),
    length: length || 0,
    notes: notes,
    target: target(block.target),
  };
}

function note(given, index) {
  var where = "note " + index;
  if (!isObject(given)) {
    refuse("invalid_input", where + " is not an object", "a note has pitch, start and duration");
  }
  whole(given.pitch, where + ": pitch", 0, 127);
  number(given.start, where + ": start", 0, MAX_BEATS);
  number(given.duration, where + ": duration", SHORTEST, MAX_BEATS);
  return {
    pitch: given.pitch,
    start: given.start,
    duration: given.duration,
    velocity: optional(given.velocity, where + ": velocity", 1, 127, 100),
    probability: optional(given.probability, where + ": probability", 0, 1, 1),
    deviation: optional(given.velocity_deviation, where + ": velocity_deviation", -127, 127, 0),
    release: optional(given.release_velocity, where + ": release_velocity", 0, 127, 64),
    mute: given.mute === true || given.mute === 1 ? 1 : 0,
  };
}

function target(given) {
  given = given === undefined || given === null ? {} : given;
  if (!isObject(given)) {
    refuse("invalid_input", "the target is not an object", '"target" has track, slot, mode, view');
  }
  var found = {
    track: given.track === undefined || given.track === null ? "selected" : given.track,
    slot: given.slot === undefined || given.slot === null ? "first_empty" : given.slot,
    mode: given.mode === undefined || given.mode === null ? "new" : given.mode,
    view: given.view === undefined || given.view === null ? "session" : given.view,
    at: optional(given.at_beats, "at_beats", 0, MAX_BEATS, 0),
  };
  if (typeof found.track !== "string") {
    whole(found.track, "target: track", 0, 100000);
  }
  if (found.slot !== "first_empty") {
    whole(found.slot, "target: slot", 0, 100000);
  }
  if (typeof found.mode !== "string" || MODES[found.mode] !== 1) {
    refuse(
      "invalid_input",
      "there is no mode " + shown(found.mode),
      "new, replace, merge or new_scene"
    );
  }
  if (typeof found.view !== "string" || VIEWS[found.view] !== 1) {
    refuse("invalid_input", "there is no view " + shown(found.view), "session or arrangement");
  }
  if (found.view === "arrangement" && found.mode === "new_scene") {
    refuse("invalid_input", "the arrangement has no scenes", 'use the view "session"');
  }
  return found;
}

// What is left of notes where Live lets none of one pitch overlap: a later one shortens the one
// before it, and of those that start at once the last counts. In the order of time and pitch.
// Takes time n log n. `old` is true on notes that were there before; whether they were shortened or
// dropped is said in the answer.
function settled(notes) {
  var ordered = [];
  var i;
  for (i = 0; i < notes.length; i++) {
    ordered.push({ note: notes[i], rank: i });
  }
  ordered.sort(function (a, b) {
    return a.note.pitch - b.note.pitch || a.note.start - b.note.start || a.rank - b.rank;
  });
  var kept = [];
  var dropped = [];
  var shortened = [];
  for (i = 0; i < ordered.length; i++) {
    var each = ordered[i].note;
    var before = kept.length ? kept[kept.length - 1] : null;
    if (before && before.note.pitch === each.pitch) {
      if (each.start - before.note.start < SHORTEST) {
        // Which of the two was given later says which counts.
        if (ordered[i].rank < before.rank) {
          dropped.push(each);
          continue;
        }
        dropped.push(before.note);
        kept.pop();
      }
    }
    kept.push({ note: each, rank: ordered[i].rank });
  }
  var left = [];
  for (i = 0; i < kept.length; i++) {
    var now = kept[i].note;
    var next = i + 1 < kept.length ? kept[i + 1].note : null;
    if (next && next.pitch === now.pitch && now.start + now.duration > next.start + 1e-6) {
      var shorter = copy(now);
      shorter.duration = next.start - now.start;
      shortened.push(shorter);
      left.push(shorter);
    } else {
      left.push(now);
    }
  }
  left.sort(byTime);
  return { notes: left, shortened: shortened, dropped: dropped };
}

// How long a clip has to be, in beats: up to the end of a bar of this metre.
function lengthFor(notes, wanted, numerator, denominator) {
  var bar = (numerator * 4) / denominator;
  var end = wanted;
  for (var i = 0; i < notes.length; i++) {
    end = Math.max(end, notes[i].start + notes[i].duration);
  }
  return Math.max(1, Math.ceil(end / bar - 1e-6)) * bar;
}

// True when two lists of settled notes say the same, as far as Live can keep numbers apart.
function same(wanted, found) {
  if (wanted.length !== found.length) {
    return false;
  }
  var a = wanted.slice().sort(byPitch);
  var b = found.slice().sort(byPitch);
  for (var i = 0; i < a.length; i++) {
    if (
      a[i].pitch !== b[i].pitch ||
      apart(a[i].start, b[i].start, 0.0005) ||
      apart(a[i].duration, b[i].duration, 0.0005) ||
      apart(a[i].velocity, b[i].velocity, 0.51) ||
      apart(a[i].probability, b[i].probability, 0.01) ||
      apart(a[i].deviation, b[i].deviation, 0.51) ||
      a[i].mute !== b[i].mute
    ) {
      return false;
    }
  }
  return true;
}

// As Live names things.
function forLive(each) {
  return {
    pitch: each.pitch,
    start_time: each.start,
    duration: each.duration,
    velocity: each.velocity,
    mute: each.mute,
    probability: each.probability,
    velocity_deviation: each.deviation,
    release_velocity: each.release,
  };
}

function byTime(a, b) {
  return a.start - b.start || a.pitch - b.pitch;
}

function byPitch(a, b) {
  return a.pitch - b.pitch || a.start - b.start;
}

function copy(given) {
  var made = {};
  for (var key in given) {
    made[key] = given[key];
  }
  return made;
}

function apart(a, b, tolerance) {
  return !(Math.abs(a - b) <= tolerance);
}

function optional(value, what, low, high, otherwise) {
  if (value === undefined || value === null) {
    return otherwise;
  }
  number(value, what, low, high);
  return value;
}

function number(value, what, low, high) {
  if (typeof value !== "number" || !isFinite(value) || value < low || value > high) {
    refuse(
      "invalid_input",
      what + " is " + shown(value),
      "a number from " + low + " to " + high + " is needed; nothing was changed"
    );
  }
}

function whole(value, what, low, high) {
  number(value, what, low, high);
  if (Math.floor(value) !== value) {
    refuse("invalid_input", what + " is " + value, "a whole number is needed; nothing was changed");
  }
}

function text(value) {
  return typeof value === "string"
    ? value.replace(/[\u0000-\u001f\u007f]/g, " ").substring(0, 100)
    : "";
}

function shown(value) {
  if (value === undefined) {
    return "missing";
  }
  return typeof value === "number" ? String(value) : JSON.stringify(value).substring(0, 40);
}
