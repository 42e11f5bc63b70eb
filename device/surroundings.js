// What a set looks like, as data for a model. Changes nothing. For [js]: ES5.

var contents = require("contents");

var MAX_TRACKS = 500;
var MAX_DEVICES = 16;
var MAX_PARAMETERS = 64; // of one device
var MAX_VALUES = 64; // names of one parameter
var MAX_NOTES = 1000;
var MAX_GROOVES = 32;
var MAX_SCENES = 500;
var MAX_PATH = 4096;

exports.look = look;

// Everything that `test/fixtures/context.json` shows, which is what the server knows. Has no null
// in it. Times are beats. A track is known by its place in the list: those with clips come first.
function look(live) {
  var song = live.song();
  var view = live.at("live_set view");
  var tracks = tracksOf(live, song);
  var seen = {
    tempo: rounded(live.number(song, "tempo", 120), 3),
    numerator: live.number(song, "signature_numerator", 4),
    denominator: live.number(song, "signature_denominator", 4),
    playing: live.flag(song, "is_playing"),
    recording: live.flag(song, "record_mode"),
    position: rounded(live.number(song, "current_song_time", 0), 2),
    groove: rounded(live.number(song, "groove_amount", 0), 3),
    grooves: groovesOf(live, song),
    scale: { name: live.text(song, "scale_name"), root: live.number(song, "root_note", 0) },
    tracks: tracks.list,
    scenes: scenesOf(live, song),
    selected: selectedOf(live, song, view, tracks.ids),
    devices: devicesOf(live, view),
  };
  var clip = clipOf(live, view);
  if (clip) {
    seen.clip = clip;
  }
  return seen;
}

function groovesOf(live, song) {
  var pool = live.child(song, "groove_pool"); // since Live 11
  return shortAll(live.names(pool ? live.ids(pool, "grooves").slice(0, MAX_GROOVES) : []));
}

function scenesOf(live, song) {
  return shortAll(live.names(live.ids(song, "scenes").slice(0, MAX_SCENES)));
}

function tracksOf(live, song) {
  var ids = live.ids(song, "tracks");
  var own = ids.length;
  var returns = live.ids(song, "return_tracks");
  ids = ids.concat(returns, live.ids(song, "master_track"));
  var list = live.map(ids.slice(0, MAX_TRACKS), function (api, i) {
    var other = i < own + returns.length ? "return" : "master";
    return trackOf(live, api, i < own ? "" : other);
  });
  return { list: list, ids: ids };
}

// What is false is left out: most of a hundred tracks is.
function trackOf(live, api, kind) {
  var own = live.flag(api, "is_foldable")
    ? "group"
    : live.flag(api, "has_midi_input")
      ? "midi"
      : "audio";
  var told = { name: short(live.text(api, "name")), kind: kind || own };
  if (kind) {
    return told;
  }
  if (live.flag(api, "is_frozen")) {
    told.frozen = true;
  }
  if (live.flag(api, "mute")) {
    told.muted = true;
  }
  if (live.flag(api, "solo")) {
    told.soloed = true;
  }
  if (live.flag(api, "can_be_armed") && live.flag(api, "arm")) {
    told.armed = true;
  }
  return told;
}

function selectedOf(live, song, view, tracks) {
  var found = {};
  var track = tracks.indexOf(live.ids(view, "selected_track")[0] || 0);
  var scene = live.ids(song, "scenes").indexOf(live.ids(view, "selected_scene")[0] || 0);
  if (track >= 0) {
    found.track = track;
  }
  if (scene >= 0) {
    found.scene = scene;
  }
  return found;
}

// Those of the selected track.
function devicesOf(live, view) {
  var track = live.child(view, "selected_track");
  var ids = track ? live.ids(track, "devices").slice(0, MAX_DEVICES) : [];
  return live.map(ids, function (api) {
    return {
      name: short(live.text(api, "name")),
      kind: live.text(api, "class_name"),
      parameters: live.map(live.ids(api, "parameters").slice(0, MAX_PARAMETERS), function (each) {
        return parameterOf(live, each);
      }),
    };
  });
}

function parameterOf(live, api) {
  var value = live.number(api, "value", 0);
  var told = {
    name: short(live.text(api, "name")),
    value: rounded(value, 4),
    min: rounded(live.number(api, "min", 0), 4),
    max: rounded(live.number(api, "max", 1), 4),
    shown: shownAs(api, value),
  };
  if (!live.number(api, "is_enabled", 1)) {
    told.enabled = false;
  }
  if (live.flag(api, "is_quantized")) {
    told.values = shortAll(live.list(api, "value_items").slice(0, MAX_VALUES));
  }
  return told;
}

// The clip that is shown; undefined where none is.
function clipOf(live, view) {
  var id = live.ids(view, "detail_clip")[0];
  if (!id) {
    return undefined;
  }
  var api = live.byId(id);
  var told = {
    name: short(live.text(api, "name")),
    kind: live.flag(api, "is_midi_clip") ? "midi" : "audio",
    looping: live.flag(api, "looping"),
  };
  var groove = live.child(api, "groove"); // since Live 11
  if (groove) {
    told.groove = short(live.text(groove, "name"));
  }
  var slot = /clip_slots (\d+)/.exec(String(api.unquotedpath));
  if (slot) {
    told.slot = Number(slot[1]);
  }
  if (told.kind === "audio") {
    soundOf(live, api, told);
  } else {
    told.length_beats = rounded(live.number(api, "length", 0), 4);
    var notes = contents.readNotes(live, api);
    told.note_count = notes.length;
    told.notes = [];
    for (var i = 0; i < notes.length && i < MAX_NOTES; i++) {
      told.notes.push(noteOf(notes[i]));
    }
  }
  return told;
}

// Of what is not warped Live knows no beats. `file_path` is for the bridge, and goes no further.
function soundOf(live, api, told) {
  told.warping = live.flag(api, "warping");
  if (told.warping) {
    told.length_beats = rounded(live.number(api, "length", 0), 4);
  }
  var rate = live.number(api, "sample_rate", 0);
  if (rate > 0) {
    told.seconds = rounded(live.number(api, "sample_length", 0) / rate, 3);
  }
  var path = live.text(api, "file_path");
  if (path && path.length <= MAX_PATH) {
    told.file_path = path;
  }
}

function noteOf(each) {
  var told = {
    pitch: each.pitch,
    start: rounded(each.start, 4),
    duration: rounded(each.duration, 4),
    velocity: rounded(each.velocity, 0),
  };
  if (each.probability < 1) {
    told.probability = rounded(each.probability, 3);
  }
  if (each.deviation) {
    told.velocity_deviation = rounded(each.deviation, 0);
  }
  if (each.mute) {
    told.mute = true;
  }
  return told;
}

// The value as Live writes it.
function shownAs(api, value) {
  try {
    return short(String(api.call("str_for_value", value)));
  } catch (error) {
    return String(value);
  }
}

function shortAll(items) {
  var all = [];
  for (var i = 0; i < items.length; i++) {
    all.push(short(String(items[i])));
  }
  return all;
}

function short(name) {
  return name.length > 100 ? name.substring(0, 100) : name;
}

function rounded(value, digits) {
  var scale = Math.pow(10, digits);
  return Math.round(value * scale) / scale;
}
