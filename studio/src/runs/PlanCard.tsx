import { useState } from "react";
import { decideStep, toProblem } from "../api/client.ts";
import type { PlanOutcome, Problem, WaitingRun } from "../api/types.ts";
import { Notice } from "../shell/Notice.tsx";
import { visibleJson } from "../text/visible.ts";

type Props = { waiting: WaitingRun; onDecided: () => Promise<void> };

/** A plan whose process was ended in the middle of a step: was it done, or not? */
export function PlanCard({ waiting: { run, waiting_for }, onDecided }: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [outcome, setOutcome] = useState<PlanOutcome | null>(null);
  const decide = async (step: string, decision: "retry" | "skip") => {
    setBusy(true);
    setProblem(null);
    try {
      setOutcome(await decideStep(run.id, step, decision));
    } catch (thrown) {
      setProblem(toProblem(thrown));
    }
    setBusy(false);
    await onDecided();
  };
  return (
    <article className="turn">
      <h2 className="prompt">
        <span className="hidden">Plan: </span>
        {run.prompt}
      </h2>
      {waiting_for.map((step) => (
        <section key={step.id} className="asked" aria-label={`Decision on ${step.block}`}>
          <h3 className="asked-title">
            <span aria-hidden="true">?</span> <code>{step.block}</code> may have been done. Look,
            then say.
          </h3>
          <pre tabIndex={0} role="group" aria-label={`arguments of ${step.block}`}>
            <code>{visibleJson(step.arguments)}</code>
          </pre>
          <div className="asked-buttons">
            <button
              type="button"
              className="button"
              disabled={busy}
              onClick={() => void decide(step.id, "retry")}
            >
              Do it again
            </button>
            <button
              type="button"
              className="button"
              disabled={busy}
              onClick={() => void decide(step.id, "skip")}
            >
              Leave it out
            </button>
          </div>
        </section>
      ))}
      {problem !== null && <Notice problem={problem} />}
      <p className="meta" role="status">
        {busy && "going on"}
        {outcome !== null && `the plan is ${outcome.status}`}
      </p>
    </article>
  );
}
