// Writes notes into clips of Live, all of them or none. For [js]: ES5.
//
// Everything that can be refused is refused before the first change. Each change leaves its inverse
// on a list; when Live refuses one after all, or what is read back is not what was meant, the list
// is run backwards.

var refuse = require("refusal").refuse;
var rules = require("notes");
var places = require("places");
var contents = require("contents");

var AT_ONCE = 500; // ids in one call

exports.write = write;

// `block` comes from rules.checked, `selected` is the id of the track that counts as selected.
// Returns a report, and `undo`, which takes it back by itself, as long as the clip was left alone.
function write(live, block, selected) {
  var track = live.track(block.target.track, selected, false);
  var place = places.find(live, track, block.target);
  var metre = places.metreOf(live);
  var state = { live: live, inverse: [], clip: place.clip };
  var outcome;
  live.inOneStep(function () {
    try {
      outcome = place.clip ? rewrite(state, block, metre) : create(state, place, block, metre);
    } catch (error) {
      rollback(state);
      throw error;
    }
  });
  return {
    report: {
      type: "applied",
      ok: true,
      kind: "midi",
      track: track.name,
      view: block.target.view,
      mode: block.target.mode,
      slot: outcome.slot === undefined ? place.slot : outcome.slot,
      clip: live.text(state.clip, "name"),
      notes: outcome.notes,
      length_beats: outcome.length,
      shortened: outcome.shortened,
      dropped: outcome.dropped,
    },
    undo: function () {
      takeBack(state, outcome.written);
    },
  };
}

function create(state, place, block, metre) {
  var live = state.live;
  var settled = rules.settled(block.notes);
  var length = rules.lengthFor(settled.notes, block.length, metre[0], metre[1]);
  if (place.track && place.at !== undefined) {
    places.freeUntil(live, place, length);
    (place.over ? copyToArrangement : createInArrangement)(state, place, length, settled.notes);
  } else {
    createInSlot(state, place, length);
  }
  if (!place.over) {
    add(state, settled.notes);
  }
  if (block.name) {
    state.clip.set("name", block.name);
  }
  verify(state, settled.notes);
  return {
    slot: place.slot,
    notes: settled.notes.length,
    length: length,
    shortened: settled.shortened.length,
    dropped: settled.dropped.length,
    written: settled.notes,
  };
}

function createInSlot(state, place, length) {
  var live = state.live;
  var slot = place.api;
  if (place.scene) {
    slot = createScene(state, place);
  }
  makeClip(state, slot, length);
}

// Max tells a script nothing when Live refuses a call, so it is looked at what came of each.
function makeClip(state, slot, length) {
  var live = state.live;
  slot.call("create_clip", length);
  var drop = function () {
    emptied(live, slot);
  };
  state.inverse.push(drop);
  state.clip = existing(live, live.child(slot, "clip"));
  return drop;
}

// Only of slots that were empty before.
function emptied(live, slot) {
  if (live.flag(slot, "has_clip")) {
    slot.call("delete_clip");
    if (live.flag(slot, "has_clip")) {
      refuse("not_applied", "Live did not delete the clip again", "");
    }
  }
}

// The empty slot of the track in a scene of its own.
function createScene(state, place) {
  var live = state.live;
  var song = live.song();
  var before = live.ids(song, "scenes");
  song.call("create_scene", -1);
  var id = live.ids(song, "scenes").pop();
  if (before.indexOf(id) >= 0) {
    refuse("not_applied", "Live made no scene", "nothing was changed");
  }
  var scene = live.byId(id);
  state.inverse.push(function () {
    // Scenes may have been moved, and others may have put clips into this one.
    var index = live.ids(song, "scenes").indexOf(Number(scene.id));
    var slots = index < 0 ? [] : live.ids(scene, "clip_slots");
    for (var i = 0; i < slots.length; i++) {
      if (live.flag(live.byId(slots[i]), "has_clip")) {
        return;
      }
    }
    if (index >= 0) {
      var now = Number(scene.id);
      song.call("delete_scene", index);
      gone(live, song, "scenes", now);
    }
  });
  var slots = live.ids(place.track.api, "clip_slots");
  place.slot = slots.length - 1;
  return live.byId(slots[place.slot]);
}

function gone(live, parent, child, id) {
  if (live.ids(parent, child).indexOf(id) >= 0) {
    refuse("not_applied", "Live did not delete it again", "");
  }
}

function createInArrangement(state, place, length) {
  var live = state.live;
  place.track.api.call("create_midi_clip", place.at, length);
  state.clip = existing(live, newest(live, place));
  deletable(state, place);
}

// Live 11 has no other way: a clip in a slot, its copy in the arrangement, the clip deleted again.
function copyToArrangement(state, place, length, notes) {
  var live = state.live;
  var dropSource = makeClip(state, place.over, length);
  add(state, notes);
  place.track.api.call("duplicate_clip_to_arrangement", "id " + state.clip.id, place.at);
  state.clip = existing(live, newest(live, place));
  deletable(state, place);
  dropSource();
  state.inverse.splice(state.inverse.indexOf(dropSource), 1);
}

function deletable(state, place) {
  var live = state.live;
  var clip = state.clip;
  state.inverse.push(function () {
    var id = Number(clip.id);
    if (id) {
      place.track.api.call("delete_clip", "id " + id);
      gone(live, place.track.api, "arrangement_clips", id);
    }
  });
}

function newest(live, place) {
  var now = live.ids(place.track.api, "arrangement_clips");
  for (var i = 0; i < now.length; i++) {
    if (place.taken.indexOf(now[i]) < 0) {
      return live.byId(now[i]);
    }
  }
  return null;
}

// Into a clip that is there: its notes go, or are joined by the new ones.
function rewrite(state, block, metre) {
  var live = state.live;
  var clip = state.clip;
  var before = contents.readNotes(live, clip);
  var merging = block.target.mode === "merge";
  var all = merging ? before.concat(block.notes) : block.notes;
  var settled = rules.settled(all);
  var bounds = contents.boundsOf(live, clip);
  var reach = merging ? Math.max(block.length, bounds.loop_end) : block.length;
  var length = rules.lengthFor(settled.notes, reach, metre[0], metre[1]);
  var name = live.text(clip, "name");
  state.inverse.push(function () {
    restore(live, clip, before, bounds, name);
  });
  var gone = merging ? oldOnes(settled.dropped) : before;
  if (gone.length) {
    removeAll(live, clip, merging ? gone : null);
  }
  if (merging) {
    modify(clip, settled.shortened);
  }
  var added = [];
  for (var i = 0; i < settled.notes.length; i++) {
    if (settled.notes[i].id === undefined) {
      added.push(settled.notes[i]);
    }
  }
  add(state, added);
  var wanted = merging ? contents.widened(bounds, length) : contents.wholeClip(length);
  setBounds(live, clip, wanted);
  if (!merging && block.name) {
    clip.set("name", block.name);
  }
  verify(state, settled.notes);
  return {
    notes: block.notes.length - newlyDropped(settled.dropped),
    length: length,
    shortened: settled.shortened.length,
    dropped: settled.dropped.length,
    written: settled.notes,
  };
}

function setBounds(live, clip, wanted) {
  contents.setBounds(live, clip, wanted);
  if (!contents.sameBounds(wanted, contents.boundsOf(live, clip))) {
    refuse("not_applied", "Live did not take the clip's length", "nothing was left of it");
  }
}

function newlyDropped(dropped) {
  var count = 0;
  for (var i = 0; i < dropped.length; i++) {
    count += dropped[i].id === undefined ? 1 : 0;
  }
  return count;
}

function oldOnes(dropped) {
  var old = [];
  for (var i = 0; i < dropped.length; i++) {
    if (dropped[i].id !== undefined) {
      old.push(dropped[i]);
    }
  }
  return old;
}

function removeAll(live, clip, some) {
  if (some === null) {
    clip.call("remove_notes_extended", 0, 128, -contents.BEFORE, contents.SPAN);
    return;
  }
  for (var i = 0; i < some.length; i += AT_ONCE) {
    var words = ["remove_notes_by_id"];
    for (var k = i; k < some.length && k < i + AT_ONCE; k++) {
      words.push(some[k].id);
    }
    clip.call.apply(clip, words);
  }
}

// Notes that were there stay the notes that they are: what Live keeps of them besides goes on.
function modify(clip, shortened) {
  var changed = [];
  for (var i = 0; i < shortened.length; i++) {
    if (shortened[i].id !== undefined) {
      var each = rules.forLive(shortened[i]);
      each.note_id = shortened[i].id;
      changed.push(each);
    }
  }
  if (changed.length) {
    clip.call("apply_note_modifications", { notes: changed });
  }
}

function add(state, notes) {
  if (!notes.length) {
    return;
  }
  var given = [];
  for (var i = 0; i < notes.length; i++) {
    given.push(rules.forLive(notes[i]));
  }
  state.clip.call("add_new_notes", { notes: given });
}

function verify(state, wanted) {
  var found = contents.readNotes(state.live, state.clip);
  if (!rules.same(wanted, found)) {
    refuse(
      "not_applied",
      "Live made " + found.length + " notes of " + wanted.length + ", or changed them",
      "nothing was left of it; ask again"
    );
  }
}

function rollback(state) {
  var failed = 0;
  while (state.inverse.length) {
    try {
      state.inverse.pop()();
    } catch (error) {
      failed++;
    }
  }
  if (failed) {
    refuse(
      "half_done",
      "Live refused the way back too",
      "press undo in Live, and look at the clip"
    );
  }
}

function takeBack(state, written) {
  var live = state.live;
  if (!live.there(state.clip)) {
    refuse("not_found", "the clip is gone", "Live's own undo may bring it back");
  }
  if (!rules.same(written, contents.readNotes(live, state.clip))) {
    refuse("conflict", "the clip was changed since", "use Live's own undo");
  }
  live.inOneStep(function () {
    rollback(state);
  });
}

function restore(live, clip, notes, bounds, name) {
  if (!rules.same(notes, contents.readNotes(live, clip))) {
    removeAll(live, clip, null);
    add({ clip: clip }, notes);
  }
  setBounds(live, clip, bounds);
  if (!rules.same(notes, contents.readNotes(live, clip))) {
    refuse("not_applied", "Live did not put the notes back", "");
  }
  if (live.text(clip, "name") !== name) {
    clip.set("name", name);
  }
}

function existing(live, clip) {
  if (!live.there(clip)) {
    refuse("not_applied", "Live made no clip", "look at the track; nothing was changed");
  }
  return clip;
}
