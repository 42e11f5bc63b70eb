import { memo, type ReactNode } from "react";
import { parseInline, parseMarkdown, type Block, type Inline } from "./markdown.ts";

/** Text of a model. Elements are made one by one; no string ever becomes markup. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return <div className="prose">{parseMarkdown(text).map(renderBlock)}</div>;
});

/** One line of the same: bold, code, links. */
export function MarkdownLine({ text }: { text: string }) {
  return parseInline(text).map(renderInline);
}

function renderBlock(block: Block, key: number): ReactNode {
  switch (block.kind) {
    case "paragraph":
      return <p key={key}>{block.children.map(renderInline)}</p>;
    case "heading":
      return (
        <p key={key} className="prose-heading">
          {block.children.map(renderInline)}
        </p>
      );
    case "code":
      return (
        <pre key={key} tabIndex={0} role="group" aria-label={`${block.language || "code"} block`}>
          <code>{block.text}</code>
        </pre>
      );
    case "table":
      return (
        <div key={key} className="prose-table" tabIndex={0} role="group" aria-label="table">
          <table>
            <thead>
              <tr>
                {block.head.map((cell, at) => (
                  <th key={at} scope="col">
                    {cell.map(renderInline)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, below) => (
                <tr key={below}>
                  {row.map((cell, at) => (
                    <td key={at}>{cell.map(renderInline)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "list": {
      const items = block.items.map((item, at) => <li key={at}>{item.map(renderInline)}</li>);
      if (!block.ordered) return <ul key={key}>{items}</ul>;
      return (
        <ol key={key} start={block.start}>
          {items}
        </ol>
      );
    }
  }
}

function renderInline(node: Inline, key: number): ReactNode {
  switch (node.kind) {
    case "text":
      return node.text;
    case "code":
      return <code key={key}>{node.text}</code>;
    case "strong":
      return <strong key={key}>{node.children.map(renderInline)}</strong>;
    case "em":
      return <em key={key}>{node.children.map(renderInline)}</em>;
    case "link":
      return (
        <a key={key} href={node.href} target="_blank" rel="noopener noreferrer">
          {node.children.map(renderInline)}
        </a>
      );
  }
}
