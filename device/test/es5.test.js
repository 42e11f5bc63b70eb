"use strict";
// Live 11's [js] stops at ECMAScript 5, at the first character that it does not know.

const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const acorn = require("acorn");

const FOLDER = path.join(__dirname, "..");
const OF_NODE = fs.readdirSync(FOLDER).filter((name) => name.startsWith("conduit-"));
const scripts = fs
  .readdirSync(FOLDER)
  .filter((name) => name.endsWith(".js") && !OF_NODE.includes(name));

test("what runs in [js] is ES5", () => {
  assert.ok(scripts.includes("midi-applicator.js") && scripts.length >= 12);
  for (const name of scripts) {
    const source = fs.readFileSync(path.join(FOLDER, name), "utf8");
    assert.doesNotThrow(() => acorn.parse(source, { ecmaVersion: 5, sourceType: "script" }), name);
    assert.match(
      source,
      /^[\x00-\x7f]*$/,
      `${name} is ASCII: Max reads files in more than one encoding`,
    );
    const methods = "includes|findIndex|startsWith|endsWith|padStart|repeat|fill|flat|flatMap";
    const newer = new RegExp(
      `\\.(${methods}|entries|assign|values)\\(|Number\\.is|Math\\.(trunc|sign)|` +
        "\\b(Map|Set|Promise|Symbol|Proxy)\\b",
    );
    assert.doesNotMatch(source.replace(/^ *\/\/.*$/gm, ""), newer, name);
  }
  assert.throws(() => acorn.parse("const x = 1", { ecmaVersion: 5 }));
  for (const name of OF_NODE) {
    const source = fs.readFileSync(path.join(FOLDER, name), "utf8");
    assert.doesNotThrow(
      () => acorn.parse(source, { ecmaVersion: 2021 }),
      `${name}: Node 16 runs it`,
    );
  }
});

test("every file that is required is there, and listed", () => {
  const table = fs.readFileSync(path.join(FOLDER, "README.md"), "utf8");
  for (const name of fs.readdirSync(FOLDER).filter((each) => each.endsWith(".js"))) {
    assert.ok(table.includes(`\`${name}\``), `${name} is not in README.md`);
    const source = fs.readFileSync(path.join(FOLDER, name), "utf8");
    for (const [, wanted] of source.matchAll(/require\("(?:\.\/)?([a-z-]+)"\)/g)) {
      if (!["max-api"].includes(wanted))
        assert.ok(
          fs.existsSync(path.join(FOLDER, `${wanted}.js`)) || ["http"].includes(wanted),
          `${name}: ${wanted}`,
        );
    }
  }
});
