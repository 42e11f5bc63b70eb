// What a set looks like, as data for a model. Changes nothing. For [js]: ES5.

var contents = require("contents");

var MAX_TRACKS = 500;
var MAX_DEVICES = 16;
var MAX_PARAMETERS = 64; // of one device
var MAX_NOTES = 1000;
var MAX_GROOVES = 32;
var NOTES_OF_SCALES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

exports.look = look;

// Everything that `fixtures/context.json` shows. Has no null in it. Times are beats.
function look(live) {
  var song = live.song();
  var view = live.at("live_set view");
  var tracks = tracksOf(live, song);
  var selected = selectedOf(live, view, tracks);
  var seen = {
    tempo: rounded(live.number(song, "tempo", 120), 3),
    metre: [live.number(song, "signature_numerator", 4), live.number(song, "signature_denominator", 4)],
    playing: live.flag(song, "is_playing"),
    recording: live.flag(song, "record_mode"),
    position: rounded(live.number(song, "current_song_time", 0), 2),
    scale: scaleOf(live, song),
    groove: groovesOf(live, song),
    scenes: live.ids(song, "scenes").length,
    scene: sceneOf(live, song, view),
    tracks: tracks.list,
    selected: selected.told,
    devices: selected.api ? devicesOf(live, selected.api) : [],
  };
  var clip = clipOf(live, view, tracks);
  if (clip) {
    seen.clip = clip;
  }
  return seen;
}

function scaleOf(live, song) {
  var root = live.number(song, "root_note", 0);
  return { root: NOTES_OF_SCALES[((root % 12) + 12) % 12], name: live.text(song, "scale_name") };
}

function groovesOf(live, song) {
  var names = [];
  var pool = live.child(song, "groove_pool"); // since Live 11
  var ids = pool ? live.ids(pool, "grooves") : [];
  for (var i = 0; i < ids.length && i < MAX_GROOVES; i++) {
    names.push(short(live.text(live.byId(ids[i]), "name")));
  }
  return { amount: rounded(live.number(song, "groove_amount", 0), 3), pool: names };
}

function sceneOf(live, song, view) {
  var id = live.ids(view, "selected_scene")[0] || 0;
  var index = live.ids(song, "scenes").indexOf(id);
  return { index: index, name: index < 0 ? "" : short(live.text(live.byId(id), "name")) };
}

function tracksOf(live, song) {
  var ids = live.ids(song, "tracks");
  var others = live.ids(song, "return_tracks");
  var master = live.ids(song, "master_track");
  var list = [];
  for (var i = 0; i < ids.length && i < MAX_TRACKS; i++) {
    list.push(trackOf(live, live.byId(ids[i]), i));
  }
  for (i = 0; i < others.length; i++) {
    list.push({ kind: "return", name: short(live.text(live.byId(others[i]), "name")) });
  }
  return { list: list, ids: ids, others: others, master: master };
}

// What is false is left out: most of a hundred tracks is.
function trackOf(live, api, index) {
  var group = live.flag(api, "is_foldable");
  var told = {
    index: index,
    name: short(live.text(api, "name")),
    kind: group ? "group" : live.flag(api, "has_midi_input") ? "midi" : "audio",
  };
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

function selectedOf(live, view, tracks) {
  var id = live.ids(view, "selected_track")[0] || 0;
  if (!id) {
    return { api: null, told: { index: -1, name: "", kind: "none" } };
  }
  var api = live.byId(id);
  var index = tracks.ids.indexOf(id);
  var kind = tracks.master.indexOf(id) >= 0 ? "master" : "return";
  if (index >= 0 && index < tracks.list.length) {
    kind = tracks.list[index].kind;
  }
  return { api: api, told: { index: index, name: short(live.text(api, "name")), kind: kind } };
}

function devicesOf(live, track) {
  var ids = live.ids(track, "devices");
  var list = [];
  for (var i = 0; i < ids.length && i < MAX_DEVICES; i++) {
    var api = live.byId(ids[i]);
    list.push({
      index: i,
      name: short(live.text(api, "name")),
      kind: live.text(api, "class_name"),
      parameters: parametersOf(live, live.ids(api, "parameters")),
    });
  }
  return list;
}

function parametersOf(live, ids) {
  var list = [];
  for (var i = 0; i < ids.length && i < MAX_PARAMETERS; i++) {
    var api = live.byId(ids[i]);
    var told = {
      index: i,
      name: short(live.text(api, "name")),
      value: rounded(live.number(api, "value", 0), 4),
      min: rounded(live.number(api, "min", 0), 4),
      max: rounded(live.number(api, "max", 1), 4),
    };
    if (!live.number(api, "is_enabled", 1)) {
      told.enabled = false;
    }
    if (live.flag(api, "is_quantized")) {
      told.values = shortAll(live.list(api, "value_items"));
    }
    list.push(told);
  }
  return list;
}

// The clip that is shown, with its notes as [pitch, start, duration, velocity, probability,
// deviation]; undefined where none is.
function clipOf(live, view, tracks) {
  var id = live.ids(view, "detail_clip")[0];
  if (!id) {
    return undefined;
  }
  var api = live.byId(id);
  var told = {
    name: short(live.text(api, "name")),
    kind: live.flag(api, "is_midi_clip") ? "midi" : "audio",
    length: rounded(live.number(api, "length", 0), 4),
    looping: live.flag(api, "looping"),
    view: live.flag(api, "is_arrangement_clip") ? "arrangement" : "session",
  };
  var track = /live_set tracks (\d+)(?: clip_slots (\d+))?/.exec(String(api.unquotedpath));
  if (track) {
    told.track = Number(track[1]);
    if (track[2] !== undefined) {
      told.slot = Number(track[2]);
    }
  }
  if (told.kind === "midi") {
    var notes = contents.readNotes(live, api);
    told.notes_in_all = notes.length;
    told.notes = [];
    for (var i = 0; i < notes.length && i < MAX_NOTES; i++) {
      told.notes.push([
        notes[i].pitch,
        rounded(notes[i].start, 4),
        rounded(notes[i].duration, 4),
        rounded(notes[i].velocity, 0),
        rounded(notes[i].probability, 3),
        rounded(notes[i].deviation, 0),
      ]);
    }
  }
  return told;
}

function shortAll(items) {
  var all = [];
  for (var i = 0; i < items.length && i < 64; i++) {
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
