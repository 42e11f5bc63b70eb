"use strict";
const { Thing, text, between, switched } = require("./thing");
const { withoutOverlaps } = require("./overlaps");

const DEFAULTS = {
  velocity: 100,
  mute: 0,
  probability: 1,
  velocity_deviation: 0,
  release_velocity: 64,
};

// A clip of notes, or of audio. Times are beats from its start.
class Clip extends Thing {
  constructor(set, parent, { length, name = "", start = 0, arrangement = false, sound = null }) {
    super(set, "Clip", parent);
    const midi = sound === null;
    this.notes = [];
    this.groove = null;
    this.nextNote = 1;
    this.property("name", name, { check: text });
    this.property("start_time", start);
    this.property("looping", 1, { check: switched });
    this.derived("is_midi_clip", () => (midi ? 1 : 0));
    this.derived("is_audio_clip", () => (midi ? 0 : 1));
    this.derived("is_arrangement_clip", () => (arrangement ? 1 : 0));
    this.derived("length", () => this.end() - this.begin());
    this.span = length;
    this.derived("end_time", () => (arrangement ? this.get("start_time") + this.span : this.end()));
    this.bounds("loop_start", "loop_end", length);
    this.bounds("start_marker", "end_marker", length);
    this.child("groove", () => this.groove);
    this.derived("has_groove", () => (this.groove ? 1 : 0));
    if (!midi) return this.audio(sound);
    this.derived("notes", () => "bang", { observe: true });
    this.function("add_new_notes", this.add);
    this.function("get_notes_extended", this.read);
    if (set.version >= 11.1)
      this.function("get_all_notes_extended", () => this.read(0, 128, -1e9, 2e9));
    this.function("remove_notes_extended", this.remove);
    this.function("remove_notes_by_id", this.removeById);
    this.function("apply_note_modifications", this.modify);
  }

  audio({ file, warping = 1, seconds = 2, rate = 44100 }) {
    this.derived("file_path", () => file);
    this.derived("sample_length", () => seconds * rate);
    this.derived("sample_rate", () => rate);
    this.property("warping", warping, { check: switched });
    if (!warping) this.properties.get("looping").value = 0; // what is not warped cannot be looped
  }

  begin() {
    return this.get(this.get("looping") ? "loop_start" : "start_marker");
  }

  end() {
    return this.get(this.get("looping") ? "loop_end" : "end_marker");
  }

  // Of a clip that is not looped, the loop is where the clip begins and ends.
  get(name) {
    return super.get(this.meant(name));
  }

  put(name, value) {
    super.put(this.meant(name), value);
  }

  meant(name) {
    const markers = { loop_start: "start_marker", loop_end: "end_marker" };
    return super.get("looping") ? name : markers[name] || name;
  }

  bounds(start, end, length) {
    this.property(start, 0, {
      check: (value) => {
        if (!(value < this.get(end))) throw new Error(`invalid ${start}: it lies behind the end`);
        return value;
      },
    });
    this.property(end, length, {
      check: (value) => {
        if (!(value > this.get(start))) throw new Error(`invalid ${end}: it lies before the start`);
        return value;
      },
    });
  }

  add(given) {
    const wanted = typeof given === "string" ? JSON.parse(given) : given;
    if (!wanted || !Array.isArray(Array.from(wanted.notes))) throw new Error("no notes are given");
    const made = Array.from(wanted.notes, (note) => this.note(note));
    this.become(
      withoutOverlaps(
        this.notes.map((note) => ({ ...note })),
        made,
      ),
    );
    return made.map((note) => note.note_id);
  }

  note(given) {
    const note = { note_id: this.nextNote++, ...DEFAULTS };
    for (const key of ["pitch", "start_time", "duration", ...Object.keys(DEFAULTS)]) {
      if (given[key] !== undefined) note[key] = Number(given[key]);
    }
    if (given.note_id !== undefined) throw new Error("a new note has no note_id");
    between(0, 127)(note.pitch);
    between(-1e6, 1e6)(note.start_time);
    if (!(note.duration > 0)) throw new Error(`${note.duration} is no duration`);
    between(0, 127)(note.velocity);
    between(0, 1)(note.probability);
    between(-127, 127)(note.velocity_deviation);
    return note;
  }

  inRange(note, fromPitch, pitchSpan, fromTime, timeSpan) {
    return (
      note.pitch >= fromPitch &&
      note.pitch < fromPitch + pitchSpan &&
      note.start_time >= fromTime &&
      note.start_time < fromTime + timeSpan
    );
  }

  // JavaScript gets a text of JSON.
  read(...range) {
    return JSON.stringify({ notes: this.notes.filter((note) => this.inRange(note, ...range)) });
  }

  remove(...range) {
    this.become(this.notes.filter((note) => !this.inRange(note, ...range)));
  }

  removeById(...ids) {
    const gone = new Set(ids);
    const left = this.notes.filter((note) => !gone.has(note.note_id));
    if (left.length + gone.size !== this.notes.length) throw new Error("there is no such note");
    this.become(left);
  }

  modify(given) {
    const changed = new Map(Array.from(given.notes, (note) => [note.note_id, { ...note }]));
    // Live ignores all of it where one of them is not there.
    const known = new Set(this.notes.map((note) => note.note_id));
    if ([...changed.keys()].some((id) => !known.has(id))) return;
    this.become(this.notes.map((note) => ({ ...note, ...changed.get(note.note_id) })));
  }

  become(notes) {
    const before = this.notes;
    const put = (these) => {
      this.notes = these;
      this.notify("notes");
    };
    this.set.history.change(
      () => put(notes),
      () => put(before),
    );
  }

  picture() {
    const shown = {};
    for (const key of [
      "name",
      "start_time",
      "looping",
      "loop_start",
      "loop_end",
      "start_marker",
      "end_marker",
    ]) {
      shown[key] = this.get(key);
    }
    shown.groove = this.groove && this.groove.get("name");
    shown.notes = this.notes.map(({ note_id, ...rest }) => rest);
    return shown;
  }
}

module.exports = { Clip };
