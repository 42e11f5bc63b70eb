/**
 * A small, safe part of Markdown, parsed to a tree: paragraphs, headings, lists, tables,
 * fenced code, and in a line bold, emphasis, code and links.
 *
 * The tree is rendered as React elements, so text from a model can never become markup. A fence
 * that is still open while an answer streams in is already shown as code.
 */

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong"; children: Inline[] }
  | { kind: "em"; children: Inline[] }
  | { kind: "link"; href: string; children: Inline[] };

export type Block =
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "heading"; children: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "list"; ordered: boolean; start: number; items: Inline[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] };

const FENCE = /^\s{0,3}(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;
const HEADING = /^\s{0,3}#{1,6}\s+(\S.*)?$/;
const ITEM = /^\s*(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE = /^\s*\|(?:\s*:?-+:?\s*\|)+\s*$/;

export function parseMarkdown(source: string): Block[] {
  const lines = source.split(/\r\n|\r|\n/);
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const flush = () => {
    if (paragraph.length > 0) {
      blocks.push({ kind: "paragraph", children: parseInline(paragraph.join("\n")) });
    }
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const fence = FENCE.exec(line);
    const heading = HEADING.exec(line);
    const item = ITEM.exec(line);
    if (fence !== null) {
      flush();
      const end = fenceEnd(lines, at + 1, fence[1] ?? "```");
      const text = lines.slice(at + 1, end).join("\n");
      blocks.push({ kind: "code", language: fence[2] ?? "", text });
      at = end;
    } else if (heading !== null) {
      flush();
      blocks.push({ kind: "heading", children: parseInline(headingText(heading[1] ?? "")) });
    } else if (item !== null) {
      flush();
      addItem(blocks, item);
    } else if (ROW.test(line) && RULE.test(lines[at + 1] ?? "")) {
      flush();
      const end = lines.findIndex((row, below) => below > at && !ROW.test(row));
      const rows = lines.slice(at + 2, end < 0 ? lines.length : end);
      blocks.push({ kind: "table", head: cellsOf(line), rows: rows.map(cellsOf) });
      at += rows.length + 1;
    } else if (line.trim() === "") {
      flush();
    } else {
      paragraph.push(line.trim());
    }
  }
  flush();
  return blocks;
}

/** Without the signs that may close a heading. Not by an expression: that takes squared time. */
function headingText(text: string): string {
  let end = text.trimEnd().length;
  while (text[end - 1] === "#") end -= 1;
  return text.slice(0, end).trimEnd();
}

function fenceEnd(lines: string[], from: number, fence: string): number {
  const closing = new RegExp(`^\\s{0,3}${fence[0]}{${fence.length},}\\s*$`);
  const found = lines.findIndex((line, at) => at >= from && closing.test(line));
  return found < 0 ? lines.length : found;
}

function addItem(blocks: Block[], [, number, text]: RegExpExecArray): void {
  const ordered = number !== undefined;
  const children = parseInline(text ?? "");
  const last = blocks.at(-1);
  if (last?.kind === "list" && last.ordered === ordered) last.items.push(children);
  else blocks.push({ kind: "list", ordered, start: Number(number ?? 1), items: [children] });
}

function cellsOf(row: string): Inline[][] {
  const cells = row.trim().slice(1, -1).split(/(?<!\\)\|/);
  return cells.map((cell) => parseInline(cell.trim().replaceAll("\\|", "|")));
}

// Code first, since nothing inside it means anything; no part can match across a blank line. What
// is bold ends with the first mark that can close it, so that no text is gone through twice.
const INLINE =
  /(`+)(.+?)\1(?!`)|\*\*(\S(?:(?:(?!\*\*(?!\*))[^])*\S)?)\*\*(?!\*)|\[([^\][]+)\]\(([^()\s]+)\)|(?<![\w*])\*([^\s*](?:[^*]*[^\s*])?)\*(?!\w)/g;

export function parseInline(source: string): Inline[] {
  const nodes: Inline[] = [];
  let from = 0;
  for (const match of source.matchAll(INLINE)) {
    if (match.index > from) nodes.push({ kind: "text", text: source.slice(from, match.index) });
    nodes.push(...inlineOf(match));
    from = match.index + match[0].length;
  }
  if (from < source.length) nodes.push({ kind: "text", text: source.slice(from) });
  return nodes;
}

function inlineOf([, , code, strong, label, address, em]: RegExpExecArray): Inline[] {
  if (code !== undefined) return [{ kind: "code", text: code.trim() || code }];
  if (strong !== undefined) return [{ kind: "strong", children: parseInline(strong) }];
  if (em !== undefined) return [{ kind: "em", children: parseInline(em) }];
  const children = parseInline(label ?? "");
  const href = safeAddress(address ?? "");
  // What leads nowhere from here, such as one page of the docs to another, is only its words.
  return href === null ? children : [{ kind: "link", href, children }];
}

/** Only pages: no `javascript:`, no `data:`, nothing that a browser might run. */
export function safeAddress(address: string): string | null {
  if (/^https?:\/\/[^\s]+$/i.test(address) || /^mailto:[^\s]+$/i.test(address)) return address;
  return /^(?:\/(?!\/)|#)[^\s\\]*$/.test(address) ? address : null;
}
