"use strict";
// Live keeps no two notes of one pitch that overlap: a later note shortens the one before it, and a
// note that starts where another does takes its place.

// `existing` and `added` are notes of a clip, `added` the newer ones. Linear but for one sort.
function withoutOverlaps(existing, added) {
  const byPitch = new Map();
  let age = 0;
  for (const note of [...existing, ...added]) {
    if (!byPitch.has(note.pitch)) byPitch.set(note.pitch, []);
    byPitch.get(note.pitch).push({ note, age: age++ });
  }
  const left = [];
  for (const column of byPitch.values()) {
    column.sort((a, b) => a.note.start_time - b.note.start_time || b.age - a.age);
    const firsts = column.filter(
      (each, at) => at === 0 || each.note.start_time !== column[at - 1].note.start_time,
    );
    firsts.forEach(({ note }, at) => {
      const next = firsts[at + 1];
      if (next && note.start_time + note.duration > next.note.start_time) {
        note.duration = next.note.start_time - note.start_time;
      }
      left.push(note);
    });
  }
  return left.sort((a, b) => a.start_time - b.start_time || a.pitch - b.pitch);
}

module.exports = { withoutOverlaps };
