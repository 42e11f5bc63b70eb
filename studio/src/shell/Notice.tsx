import type { ReactNode } from "react";
import type { Problem } from "../api/types.ts";
import { MarkdownLine } from "../text/Markdown.tsx";

/** Something went wrong: what, and what to do about it. */
export function Notice({ problem, children }: { problem: Problem; children?: ReactNode }) {
  return (
    <div className="notice" role="alert">
      <p className="notice-message">{problem.message}</p>
      {problem.hint !== "" && (
        <p className="notice-hint">
          <MarkdownLine text={problem.hint} />
        </p>
      )}
      <p className="notice-foot">
        <code>{problem.code}</code>
        {children}
      </p>
    </div>
  );
}
