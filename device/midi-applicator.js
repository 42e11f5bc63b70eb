// Writes the notes of an answer into a clip. For [js] (ES5) and [v8].
//
// In: bang (from live.thisdevice), mark [sound], begin and piece (a block of notes), undo, mode.
// Out: `applied begin` and `applied piece`, a report for the bridge.
//
// Put deferlow in front: LiveAPI lives in the low-priority thread only, and Live takes no changes
// while it notifies.

inlets = 1;
outlets = 1;

var notes = require("notes");
var clips = require("clips");
var refuse = require("refusal").refuse;
var Live = require("live").Live;
var Applicator = require("applicator").Applicator;

var MOST = 32;
var forced = "auto";
var done = []; // what can be taken back, the newest last
var applicator = new Applicator("midi", apply, function (message) {
  outlet(0, message);
});

function bang() {
  applicator.start(
    new Live(function (path) {
      return new LiveAPI(path);
    })
  );
}

// With `sound`, a clip of sound is selected, to be listened to: its track takes no notes, and they
// are meant for the one that the device stands on.
function mark(what) {
  applicator.mark(what === "sound" ? trackForNotes() : 0);
}

function trackForNotes() {
  var live = applicator.live;
  var selected = live ? live.selectedTrack() : 0;
  var takesNotes = selected && live.flag(live.byId(selected), "has_midi_input");
  return live && !takesNotes ? live.ownTrack() : 0;
}
trackForNotes.local = 1;

// How clips are written, whatever the answer says: auto leaves it to the answer.
function mode(name) {
  forced = notes.MODES[String(name)] === 1 ? String(name) : "auto";
}

function begin(id, count, length) {
  applicator.begin(id, count, length);
}

function piece(id, index, text) {
  applicator.piece(id, index, text);
}

// Takes the last clip back, and nothing else, whatever was done in Live since.
function undo() {
  applicator.tell(function () {
    applicator.ready();
    if (!done.length) {
      refuse("not_found", "there is nothing to undo", "Live's own undo goes further back");
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
  var wanted = notes.checked(block);
  if (forced !== "auto" && !(forced === "new_scene" && wanted.target.view === "arrangement")) {
    wanted.target.mode = forced;
  }
  var written = clips.write(applicator.live, wanted, applicator.selected());
  done.push(written);
  if (done.length > MOST) {
    done.shift();
  }
  return written.report;
}
apply.local = 1;
