// Which clip or slot of Live a block of notes means. Changes nothing. For [js]: ES5.

var refuse = require("refusal").refuse;

exports.find = find;
exports.metreOf = metreOf;
exports.freeUntil = freeUntil;

// Where the notes go: `clip` where there is one to write into; else `api`, an empty slot, or
// `scene` for a slot still to be made; or `at`, beats in the arrangement. Throws a Refusal.
function find(live, track, target) {
  takesNotes(live, track);
  return target.view === "arrangement"
    ? inArrangement(live, track, target)
    : inSession(live, track, target);
}

function takesNotes(live, track) {
  var name = '"' + track.name + '"';
  var hint = "choose a MIDI track; nothing was changed";
  if (live.flag(track.api, "is_foldable")) {
    refuse("unfit", "the track " + name + " is a group", hint);
  }
  if (!live.flag(track.api, "has_midi_input")) {
    refuse("unfit", "the track " + name + " takes audio, not notes", hint);
  }
  if (live.flag(track.api, "is_frozen")) {
    refuse("unfit", "the track " + name + " is frozen", "unfreeze it first; nothing was changed");
  }
}

function inSession(live, track, target) {
  var slots = live.ids(track.api, "clip_slots");
  if (target.mode === "new_scene") {
    return { slot: slots.length, track: track, scene: true };
  }
  var index = target.slot;
  if (index === "first_empty") {
    if (target.mode !== "new") {
      return playing(live, track, slots, target.mode);
    }
    index = 0;
    while (index < slots.length && live.flag(live.byId(slots[index]), "has_clip")) {
      index++;
    }
    if (index === slots.length) {
      refuse(
        "conflict",
        "no slot of the track is empty",
        'use the mode "new_scene", or empty a slot'
      );
    }
  }
  if (index >= slots.length) {
    refuse("not_found", "there is no slot " + index, "the set has " + slots.length + ", from 0");
  }
  return inSlot(live, live.byId(slots[index]), index, target.mode);
}

function inSlot(live, slot, index, mode) {
  var full = live.flag(slot, "has_clip");
  if (!full) {
    return { slot: index, api: slot };
  }
  if (mode === "new") {
    refuse(
      "conflict",
      "slot " + index + " has a clip already",
      'use the mode "replace" or "merge"'
    );
  }
  return { slot: index, clip: ofNotes(live, live.child(slot, "clip")) };
}

// Which clip is meant where none is named: the one that is shown, if it is of this track.
function playing(live, track, slots, mode) {
  var shown = live.ids(live.at("live_set view"), "detail_clip")[0];
  for (var i = 0; shown && i < slots.length; i++) {
    if (live.ids(live.byId(slots[i]), "clip")[0] === shown) {
      return { slot: i, clip: ofNotes(live, live.byId(shown)) };
    }
  }
  refuse("not_found", "no clip of the track is shown, to " + mode, "select a clip, or name a slot");
}

function inArrangement(live, track, target) {
  var clips = live.ids(track.api, "arrangement_clips");
  for (var i = 0; i < clips.length; i++) {
    var clip = live.byId(clips[i]);
    var from = live.number(clip, "start_time", 0);
    var to = live.number(clip, "end_time", from);
    if (target.at >= from - 1e-6 && target.at < to - 1e-6) {
      if (target.mode === "new") {
        refuse(
          "conflict",
          "a clip is at beat " + target.at + " already",
          'use "replace" or "merge"'
        );
      }
      return { slot: -1, clip: ofNotes(live, clip) };
    }
  }
  if (!live.can(track.api, "create_midi_clip")) {
    if (!live.can(track.api, "duplicate_clip_to_arrangement")) {
      refuse(
        "unavailable",
        "this Live makes no clips in the arrangement",
        'use the view "session"'
      );
    }
    var slots = live.ids(track.api, "clip_slots");
    for (i = 0; i < slots.length; i++) {
      if (!live.flag(live.byId(slots[i]), "has_clip")) {
        return { slot: -1, track: track, at: target.at, over: live.byId(slots[i]), taken: clips };
      }
    }
    refuse("conflict", "this Live needs an empty slot on the way", "empty a slot of the track");
  }
  return { slot: -1, track: track, at: target.at, taken: clips };
}

function ofNotes(live, clip) {
  if (!live.flag(clip, "is_midi_clip")) {
    refuse("unfit", "the clip there is audio", "choose another slot; nothing was changed");
  }
  return clip;
}

function metreOf(live) {
  var song = live.song();
  return [
    live.number(song, "signature_numerator", 4) || 4,
    live.number(song, "signature_denominator", 4) || 4,
  ];
}

// Live cuts away what a new clip would lie on.
function freeUntil(live, place, length) {
  for (var i = 0; i < place.taken.length; i++) {
    var from = live.number(live.byId(place.taken[i]), "start_time", 0);
    if (from >= place.at && from < place.at + length - 1e-6) {
      refuse(
        "conflict",
        "a clip at beat " + from + " is in the way",
        "choose another place, or a shorter length; nothing was changed"
      );
    }
  }
}
