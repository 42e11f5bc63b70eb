// What is in a clip: its notes, its loop. For [js]: ES5.

var refuse = require("refusal").refuse;

var BEFORE = 8192; // beats before a clip's start, where notes may lie too
var SPAN = 1000000; // beats; more than any clip has

exports.BEFORE = BEFORE;
exports.SPAN = SPAN;
exports.readNotes = readNotes;
exports.boundsOf = boundsOf;
exports.wholeClip = wholeClip;
exports.widened = widened;
exports.sameBounds = sameBounds;
exports.setBounds = setBounds;

function readNotes(live, clip) {
  var answer = live.can(clip, "get_all_notes_extended")
    ? clip.call("get_all_notes_extended")
    : clip.call("get_notes_extended", 0, 128, -BEFORE, SPAN);
  var parsed = typeof answer === "string" ? JSON.parse(answer) : answer;
  var given = parsed && parsed.notes;
  if (!given || typeof given.length !== "number") {
    refuse("not_applied", "Live did not say which notes are in the clip", "ask again");
  }
  var notes = [];
  for (var i = 0; i < given.length; i++) {
    notes.push({
      id: given[i].note_id,
      pitch: given[i].pitch,
      start: given[i].start_time,
      duration: given[i].duration,
      velocity: given[i].velocity,
      probability: given[i].probability,
      deviation: given[i].velocity_deviation,
      release: given[i].release_velocity,
      mute: given[i].mute ? 1 : 0,
    });
  }
  return notes;
}

function boundsOf(live, clip) {
  return {
    loop_start: live.number(clip, "loop_start", 0),
    loop_end: live.number(clip, "loop_end", 0),
    start_marker: live.number(clip, "start_marker", 0),
    end_marker: live.number(clip, "end_marker", 0),
  };
}

function wholeClip(length) {
  return { loop_start: 0, loop_end: length, start_marker: 0, end_marker: length };
}

function widened(bounds, length) {
  return {
    loop_start: bounds.loop_start,
    loop_end: length,
    start_marker: bounds.start_marker,
    end_marker: Math.max(bounds.end_marker, length),
  };
}

function sameBounds(a, b) {
  for (var name in a) {
    if (!(Math.abs(a[name] - b[name]) < 0.001)) {
      return false;
    }
  }
  return true;
}

// At no time may an end lie before its start, so what goes up is set from its end.
function setBounds(live, clip, wanted) {
  pair(live, clip, "loop_start", "loop_end", wanted);
  pair(live, clip, "start_marker", "end_marker", wanted);
}

function pair(live, clip, start, end, wanted) {
  var upwards = wanted[start] >= live.number(clip, end, 0);
  var order = upwards ? [end, start] : [start, end];
  for (var i = 0; i < 2; i++) {
    if (live.number(clip, order[i], NaN) !== wanted[order[i]]) {
      clip.set(order[i], wanted[order[i]]);
    }
  }
}
