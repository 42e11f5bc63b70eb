"use strict";
// What the device takes, against Conduit itself with the offline agent:
//   node test/measure.js [PROMPTS]
// From the prompt to the notes read back in the simulated set; and a large set as a context.

const { LiveSet } = require("./simulator/set");
const { Rig } = require("./simulator/rig");
const { Server } = require("./server");
const { contexts, block, give } = require("./given");

const PROMPTS = Number(process.argv[2]) || 200;
const STYLES = ["dub", "acid", "minimal", "industrial", "detroit"];

function quantile(times, share) {
  return [...times].sort((a, b) => a - b)[
    Math.min(times.length - 1, Math.floor(times.length * share))
  ];
}

function told(what, times) {
  const [middle, high] = [0.5, 0.99].map((share) => quantile(times, share).toFixed(1));
  console.log(`${what}: p50 ${middle} ms, p99 ${high} ms (${times.length} times)`);
}

async function prompts() {
  const server = await new Server().start();
  Object.assign(process.env, { CONDUIT_URL: server.url, CONDUIT_HOME: server.home });
  const set = large(4, 4);
  const rig = new Rig(set).ready();
  try {
    await rig.until(() => rig.status("state") === "ready");
    const times = [];
    for (let at = 0; at < PROMPTS; at++) {
      const [track] = set.song.tracks;
      const begun = performance.now();
      const asked = rig.node.send("prompt", `8 bars of ${STYLES[at % STYLES.length]}, seed ${at}`);
      for (let last = begun; !track.slots[0].clip;) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        const now = performance.now();
        rig.time.pass(now - last); // Max's time goes as fast as ours
        last = now;
      }
      times.push(performance.now() - begun);
      await asked;
      rig.time.pass(1);
      track.slots[0].run("delete_clip", []);
    }
    told("prompt to notes in the set", times.slice(5));
  } finally {
    rig.close();
    await server.remove();
  }
}

function large(tracks, scenes) {
  const parameters = Array.from({ length: 64 }, (_, at) => ({
    name: `Parameter ${at}`,
    value: at / 64,
  }));
  const each = (_, at) => ({ name: `Track ${at + 1}`, devices: [{ name: "Rack", parameters }] });
  return new LiveSet({ tracks: Array.from({ length: tracks }, each), scenes });
}

function context() {
  const rig = new Rig(large(100, 64), { bridge: false }).ready();
  const times = [];
  for (let at = 0; at < 100; at++) {
    const begun = performance.now();
    rig.context.send("context", "full");
    times.push(performance.now() - begun);
  }
  told("context of 100 tracks and 64 scenes", times);
  const size = JSON.stringify(contexts(rig).at(-1)).length;
  console.log(
    `its size: ${(size / 1024).toFixed(1)} kB; LiveAPI objects made in 101 times: ${rig.set.apis}`,
  );
}

function manyNotes() {
  const notes = Array.from({ length: 100000 }, (_, at) => ({
    pitch: at % 128,
    start: Math.floor(at / 128) / 4,
    duration: 0.25,
  }));
  const rig = new Rig(large(1, 1), { bridge: false }).ready();
  const begun = performance.now();
  give(rig, "midi", block(notes));
  console.log(
    `100,000 notes checked, written and read back: ${(performance.now() - begun).toFixed(0)} ms`,
  );
}

prompts().then(context).then(manyNotes);
