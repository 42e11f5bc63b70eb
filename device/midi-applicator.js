// Writes the notes of an answer into a clip. For [js] (ES5) and [v8].
//
// In: bang (from live.thisdevice), mark, begin and piece (a block of notes), undo, mode.
// Out: `applied begin` and `applied piece`, a report for the bridge.
//
// Put deferlow in front: LiveAPI lives in the low-priority thread only, and Live takes no changes
// while it notifies.

inlets = 1;
outlets = 1;

var pieces = require("pieces");
var notes = require("notes");
var clips = require("clips");
var refusal = require("refusal");
var Live = require("live").Live;

var live = null;
var selected = 0;
var assembly = new pieces.Assembly();
var forced = "auto";
var MOST = 32;
var done = []; // what can be taken back, the newest last
var reports = 0;

// Before this, Live has no object for us.
function bang() {
  live = new Live(function (path) {
    return new LiveAPI(path);
  });
}

// A prompt was sent: "selected" in its answer means the track that is selected now.
function mark() {
  selected = live ? live.selectedTrack() : 0;
}

// How clips are written, whatever the answer says: auto leaves it to the answer.
function mode(name) {
  forced = notes.MODES[String(name)] === 1 ? String(name) : "auto";
}

function begin(id, count, length) {
  if (!assembly.begin(id, count, length)) {
    tell(function () {
      refusal.refuse(
        "too_large",
        "the block is too large to come through Max",
        "ask for fewer bars"
      );
    });
  }
}

function piece(id, index, text) {
  tell(function () {
    var block = assembly.piece(id, index, text);
    return block === undefined ? undefined : apply(block);
  });
}

// Takes the last clip back, and nothing else, whatever was done in Live since.
function undo() {
  tell(function () {
    ready();
    if (!done.length) {
      refusal.refuse("not_found", "there is nothing to undo", "Live's own undo goes further back");
    }
    var last = done.pop();
    last.undo();
    return {
      type: "undone",
      ok: true,
      kind: "midi",
      clip: last.report.clip,
      track: last.report.track,
    };
  });
}

function apply(block) {
  ready();
  var wanted = notes.checked(block);
  if (forced !== "auto" && !(forced === "new_scene" && wanted.target.view === "arrangement")) {
    wanted.target.mode = forced;
  }
  var written = clips.write(live, wanted, selected || live.selectedTrack());
  done.push(written);
  if (done.length > MOST) {
    done.shift();
  }
  return written.report;
}
apply.local = 1;

function ready() {
  if (live === null) {
    refusal.refuse("unavailable", "Live is not ready yet", "ask again in a moment");
  }
}
ready.local = 1;

function tell(work) {
  var said;
  try {
    said = work();
  } catch (error) {
    said = { type: "applied", ok: false, kind: "midi", error: refusal.described(error) };
  }
  if (said === undefined) {
    return;
  }
  var messages = pieces.split("midi-" + ++reports, said);
  for (var i = 0; i < messages.length; i++) {
    outlet(0, ["applied"].concat(messages[i]));
  }
}
tell.local = 1;
