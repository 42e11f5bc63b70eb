import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInline, parseMarkdown, safeAddress, type Inline } from "../src/text/markdown.ts";

const text = (words: string): Inline => ({ kind: "text", text: words });

test("blocks of each kind", () => {
  const source = "# Head #\n\none\ntwo\n- a\n- **b**\n\n3. c\n4) d\n```json\n{\n}\n```\nend";
  assert.deepEqual(parseMarkdown(source), [
    { kind: "heading", children: [text("Head")] },
    { kind: "paragraph", children: [text("one\ntwo")] },
    {
      kind: "list",
      ordered: false,
      start: 1,
      items: [[text("a")], [{ kind: "strong", children: [text("b")] }]],
    },
    { kind: "list", ordered: true, start: 3, items: [[text("c")], [text("d")]] },
    { kind: "code", language: "json", text: "{\n}" },
    { kind: "paragraph", children: [text("end")] },
  ]);
});

test("a fence that is not closed yet is code already, and a longer fence holds a shorter", () => {
  assert.deepEqual(parseMarkdown("```py\nx = 1"), [
    { kind: "code", language: "py", text: "x = 1" },
  ]);
  assert.deepEqual(parseMarkdown("````\n```\n````"), [
    { kind: "code", language: "", text: "```" },
  ]);
});

test("in a line: code hides everything, stars need company", () => {
  assert.deepEqual(parseInline("`**a**` **b *c*** 2 * 3 * 4"), [
    { kind: "code", text: "**a**" },
    text(" "),
    { kind: "strong", children: [text("b "), { kind: "em", children: [text("c")] }] },
    text(" 2 * 3 * 4"),
  ]);
});

test("a table, also while its rows still arrive", () => {
  const cell = (words: string) => [text(words)];
  const expected = {
    kind: "table",
    head: [cell("a"), cell("b")],
    rows: [[cell("1 | 2"), [{ kind: "code", text: "x" }]]],
  };
  const source = "| a | b |\n| --- | :-: |\n| 1 \\| 2 | `x` |";
  assert.deepEqual(parseMarkdown(source), [expected]);
  assert.deepEqual(parseMarkdown(`${source}\nend`), [
    expected,
    { kind: "paragraph", children: cell("end") },
  ]);
  assert.deepEqual(parseMarkdown("| a | b |\nno rule")[0]?.kind, "paragraph");
});

test("links go to pages only", () => {
  assert.deepEqual(parseInline("[docs](https://example.org/a?b=c)"), [
    { kind: "link", href: "https://example.org/a?b=c", children: [text("docs")] },
  ]);
  assert.deepEqual(parseInline("[x](javascript:alert) [y](page.md)"), [
    text("x"),
    text(" "),
    text("y"),
  ]);
  for (const bad of ["data:text/html,x", "//evil.example", "/\\evil.example", " javascript:x"]) {
    assert.equal(safeAddress(bad), null, bad);
  }
  assert.equal(safeAddress("/files/abc"), "/files/abc");
});

test("markup of a page stays text", () => {
  const source = "<img src=x onerror=alert(1)>";
  assert.deepEqual(parseMarkdown(source), [{ kind: "paragraph", children: [text(source)] }]);
});

test("what is bold ends with the first mark that closes it", () => {
  const strong = (...children: Inline[]): Inline => ({ kind: "strong", children });
  const em: Inline = { kind: "em", children: [text("c")] };
  assert.deepEqual(parseInline("**a** **b"), [strong(text("a")), text(" **b")]);
  assert.deepEqual(parseInline("**a *c***"), [strong(text("a "), em)]);
  assert.deepEqual(parseInline("***c***"), [strong(em)]);
});

test("a heading without the signs that close it", () => {
  for (const line of ["# a b", "## a b ##", "# a b#", "#   a b  ## "]) {
    assert.deepEqual(parseMarkdown(line), [{ kind: "heading", children: [text("a b")] }], line);
  }
});

test("what a model repeats without end is parsed at once", () => {
  const spaces = `# a${" ".repeat(50_000)}b`;
  for (const long of ["**a ".repeat(50_000), `${spaces}${spaces}`]) {
    const began = performance.now();
    parseMarkdown(long);
    assert.ok(performance.now() - began < 1000);
  }
});
