// Tells the bridge what the set looks like, and afterwards what changed in it. For [js] (ES5) and
// [v8].
//
// In: bang (from live.thisdevice), context full (from the bridge: tell all of it again).
// Out: `session begin` and `session piece`: {"version", "context"}, all of it, or
// {"version", "base", "changes"}, a merge patch on the version named by `base`.

inlets = 1;
outlets = 1;

var pieces = require("pieces");
var look = require("surroundings").look;
var between = require("differences").between;
var Live = require("live").Live;

var EVERY = 5000; // ms; at the latest
var SOON = 100; // ms after a change, so that many at once are told together

var ON_SONG = [
  "tempo",
  "signature_numerator",
  "signature_denominator",
  "is_playing",
  "record_mode",
  "groove_amount",
  "root_note",
  "scale_name",
  "tracks",
  "scenes",
];
var ON_VIEW = ["selected_track", "selected_scene", "detail_clip"];

var live = null;
var told = null;
var version = 0;
var observers = [];
var closer = [];
var around = "";
var soon = null;
var regular = null;
var pending = false;

function bang() {
  if (live !== null) {
    notifydeleted();
  }
  live = new Live(function (path) {
    return new LiveAPI(path);
  });
  soon = new Task(gather);
  regular = new Task(gather);
  told = null;
  watch(observers, "live_set", ON_SONG);
  watch(observers, "live_set view", ON_VIEW);
  gather();
}

// Says all of it again: the server was started anew, or lost the thread.
function context(what) {
  if (String(what) === "full" && live !== null) {
    told = null;
    gather();
  }
}

// Whatever else the bridge says is not for us.
function anything() {}

function notifydeleted() {
  if (live === null) {
    return;
  }
  soon.cancel();
  regular.cancel();
  unwatch(observers);
  unwatch(closer);
  around = "";
  pending = false;
  live = null;
}

// Inside a notification of Live nothing may be changed, and much may be about to: look later.
function changed() {
  if (live !== null && !pending) {
    pending = true;
    soon.schedule(SOON);
  }
}
changed.local = 1;

function gather() {
  if (live === null) {
    return;
  }
  pending = false;
  regular.cancel();
  regular.schedule(EVERY);
  try {
    follow();
    tell(look(live));
  } catch (error) {
    // Live is in the midst of something: what can be read in five seconds is soon enough.
    post("conduit: the set could not be read: " + error + "\n");
  }
}
gather.local = 1;

function tell(seen) {
  var said;
  if (told === null) {
    said = { version: version + 1, context: seen };
  } else {
    var changes = between(told, seen);
    if (changes === undefined) {
      return;
    }
    said = { version: version + 1, base: version, changes: changes };
  }
  version += 1;
  told = seen;
  var messages = pieces.split("session-" + version, said);
  for (var i = 0; i < messages.length; i++) {
    outlet(0, ["session"].concat(messages[i]));
  }
}
tell.local = 1;

// The selected track and the shown clip are others now and then, and so is what to watch of them.
function follow() {
  var view = live.at("live_set view");
  var track = live.ids(view, "selected_track")[0] || 0;
  var clip = live.ids(view, "detail_clip")[0] || 0;
  if (around === track + " " + clip) {
    return;
  }
  unwatch(closer);
  if (track) {
    watch(closer, "id " + track, ["devices", "name"]);
  }
  if (clip) {
    watch(
      closer,
      "id " + clip,
      live.flag(live.byId(clip), "is_midi_clip") ? ["notes", "name"] : ["name"]
    );
  }
  around = track + " " + clip;
}
follow.local = 1;

function watch(list, path, properties) {
  for (var i = 0; i < properties.length; i++) {
    var observer = new LiveAPI(changed, path);
    observer.property = properties[i];
    list.push(observer);
  }
}
watch.local = 1;

function unwatch(list) {
  while (list.length) {
    list.pop().property = "";
  }
}
unwatch.local = 1;
