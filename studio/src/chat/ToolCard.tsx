import type { Json } from "../api/types.ts";
import { Notice } from "../shell/Notice.tsx";
import { visibleJson } from "../text/visible.ts";
import type { ToolPart } from "./transcript.ts";

const STATES = {
  running: { icon: "◌", label: "running" },
  ok: { icon: "✓", label: "ok" },
  failed: { icon: "✕", label: "failed" },
};
/** More than this of a result helps nobody and slows the page. */
const SHOWN_CHARACTERS = 20_000;

/** One block that was called, closed until somebody wants to know. */
export function ToolCard({ tool }: { tool: ToolPart }) {
  const { icon, label } = STATES[tool.state];
  return (
    <details className="tool" data-state={tool.state}>
      <summary>
        <span className="tool-icon" aria-hidden="true">
          {icon}
        </span>
        <code className="tool-block">{tool.block}</code>
        <span className="tool-brief">{brief(tool.arguments)}</span>
        <span className="tool-state">{label}</span>
      </summary>
      <div className="tool-inside">
        <h3>Arguments</h3>
        <Value value={tool.arguments} label={`arguments of ${tool.block}`} />
        {tool.error !== null && tool.error.code !== "stopped" && <Notice problem={tool.error} />}
        {tool.result !== null && tool.error === null && (
          <>
            <h3>Result</h3>
            <Value value={tool.result} label={`result of ${tool.block}`} />
          </>
        )}
      </div>
    </details>
  );
}

function Value({ value, label }: { value: Json; label: string }) {
  const text = visibleJson(value);
  const rest = `\n… ${text.length} characters in all`;
  const shown = text.slice(0, SHOWN_CHARACTERS);
  return (
    <pre tabIndex={0} role="group" aria-label={label}>
      <code>{shown.length < text.length ? shown + rest : text}</code>
    </pre>
  );
}

function brief(value: Json): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "";
  return Object.entries(value)
    .filter(([, each]) => typeof each !== "object")
    .map(([name, each]) => `${name} ${String(each)}`)
    .join(" · ");
}
