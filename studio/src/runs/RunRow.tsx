import { useState, type ToggleEvent } from "react";
import { fetchRun, toProblem } from "../api/client.ts";
import type { Problem, RunDetails, RunInfo, RunStatus, RunStep } from "../api/types.ts";
import { Notice } from "../shell/Notice.tsx";
import { Markdown } from "../text/Markdown.tsx";
import { visibleJson } from "../text/visible.ts";
import { agoOf } from "./times.ts";

const STATES: Record<RunStatus, string> = {
  running: "◌",
  waiting: "?",
  done: "✓",
  stopped: "■",
  failed: "✕",
  cancelled: "–",
};
const SHOWN_CHARACTERS = 4_000;

type Props = { run: RunInfo; onResume: (run: RunInfo) => Promise<void> };

/** A run in one line, with what was done in it for whoever opens it. */
export function RunRow({ run, onResume }: Props) {
  const [details, setDetails] = useState<RunDetails | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const open = (event: ToggleEvent<HTMLDetailsElement>) => {
    if (event.newState !== "open") return;
    fetchRun(run.id)
      .then(setDetails)
      .catch((thrown: unknown) => setProblem(toProblem(thrown)));
  };
  const left = run.kind === "agent" && (run.status === "failed" || run.status === "cancelled");
  return (
    <li>
      <details className="tool run" data-state={run.status} onToggle={open}>
        <summary>
          <span className="tool-icon" aria-hidden="true">
            {STATES[run.status]}
          </span>
          <span className="run-prompt" title={run.prompt}>{run.prompt}</span>
          <span className="tool-state">{run.status}</span>
          <time dateTime={run.created_at}>{agoOf(run.created_at)}</time>
        </summary>
        <div className="tool-inside">
          <p className="meta">
            <span>{run.kind}</span>
            <code>{run.id}</code>
          </p>
          {problem !== null && <Notice problem={problem} />}
          {details !== null && details.text !== "" && <Markdown text={details.text} />}
          {details !== null && (
            <ol className="run-steps">
              {details.steps.map((step) => (
                <StepLine key={step.number} step={step} />
              ))}
            </ol>
          )}
          {details?.more && (
            <p className="meta">
              There are more steps: <code>conduit runs show {run.id}</code>
            </p>
          )}
          {left && (
            <p>
              <button type="button" className="button" onClick={() => void onResume(run)}>
                Go on
              </button>
            </p>
          )}
        </div>
      </details>
    </li>
  );
}

function StepLine({ step }: { step: RunStep }) {
  const text = visibleJson(step.body);
  const shown = text.slice(0, SHOWN_CHARACTERS);
  return (
    <li>
      <details>
        <summary>
          <code>{step.kind}</code> {typeof step.body.block === "string" && step.body.block}
        </summary>
        <pre tabIndex={0} role="group" aria-label={`step ${step.number}`}>
          <code>{shown.length < text.length ? `${shown}\n…` : text}</code>
        </pre>
      </details>
    </li>
  );
}
