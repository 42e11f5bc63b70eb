import { useEffect, useRef } from "react";
import type { WaitingRun } from "../api/types.ts";
import { ofRun, openCalls, type Turn } from "../chat/transcript.ts";
import { TurnView } from "../chat/TurnView.tsx";
import { Notice } from "../shell/Notice.tsx";
import { PlanCard } from "./PlanCard.tsx";
import { RunRow } from "./RunRow.tsx";
import { agoOf } from "./times.ts";
import type { RunDesk } from "./useRuns.ts";

/** What waits for a person, what is gone on with from here, and what was done lately. */
export function RunsPage({ runs }: { runs: RunDesk }) {
  const { loaded, waiting, latest, turns, problem, decide, look } = runs;
  const open = waiting.filter(({ run }) => !turns.has(run.id));
  const begun = [...turns.values()].toReversed();
  return (
    <div className="runs">
      {problem !== null && <Notice problem={problem} />}
      <section className="runs-part" aria-labelledby="runs-waiting">
        <h2 id="runs-waiting">Waiting for a decision</h2>
        {loaded && open.length === 0 && !begun.some((turn) => openCalls(turn).length > 0) && (
          <p className="runs-none">
            Nothing waits. Blocks named under <code>approve</code> in access.yaml do, before an
            agent calls them.
          </p>
        )}
        <ul className="runs-waiting">
          {open.map((each) => (
            <li key={each.run.id} className="runs-item">
              <Whose waiting={each} />
              {each.run.kind === "plan" ? (
                <PlanCard waiting={each} onDecided={look} />
              ) : (
                <TurnView turn={ofRun(each)} busy={false} onDecide={decide} />
              )}
            </li>
          ))}
        </ul>
      </section>
      {begun.length > 0 && (
        <section className="runs-part" aria-labelledby="runs-begun">
          <h2 id="runs-begun">Decided here</h2>
          <ul className="runs-waiting">
            {begun.map((turn) => (
              <li key={turn.runId} className="runs-item">
                <Begun turn={turn} runs={runs} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <section className="runs-part" aria-labelledby="runs-latest">
        <h2 id="runs-latest">Your latest runs</h2>
        {loaded && latest.length === 0 && <p className="runs-none">There is none yet.</p>}
        <ul className="run-list">
          {latest.map((run) => (
            <RunRow key={run.id} run={run} onResume={runs.resume} />
          ))}
        </ul>
      </section>
    </div>
  );
}

/** A run that was decided on here. Whoever decided stays with it, also by keyboard. */
function Begun({ turn, runs }: { turn: Turn; runs: RunDesk }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The button that was pressed is gone, and with it where the keyboard was.
    if (document.activeElement === document.body) place.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div tabIndex={-1} ref={place}>
      <TurnView turn={turn} busy={false} onDecide={runs.decide} />
    </div>
  );
}

function Whose({ waiting: { run, own } }: { waiting: WaitingRun }) {
  return (
    <p className="meta">
      <span>{own ? "asked by you" : `asked by ${run.subject}`}</span>
      <time dateTime={run.updated_at}>{agoOf(run.updated_at)}</time>
      <code>{run.id}</code>
    </p>
  );
}
