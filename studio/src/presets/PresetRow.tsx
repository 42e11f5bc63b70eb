import { useEffect, useRef, useState, type ToggleEvent } from "react";
import { toProblem } from "../api/client.ts";
import type { Problem } from "../api/types.ts";
import { StepGrid } from "../groove/StepGrid.tsx";
import { agoOf } from "../runs/times.ts";
import { Notice } from "../shell/Notice.tsx";
import type { Mix } from "../sound/schedule.ts";
import { exportPreset, fetchGroove, showPreset } from "./calls.ts";
import { fileNameOf, insideOf, linesOf, neededLine, partName } from "./inside.ts";
import { Lines } from "./PresetsPage.tsx";
import type { PresetGroove, PresetInfo, PresetShown } from "./types.ts";
import type { PresetDesk } from "./usePresets.ts";

type Props = { preset: PresetInfo; session: string; desk: PresetDesk };
type Asking = "apply" | "delete" | null;

/** From so many characters on, a line may have no place for all of it. */
const LONG_ABOUT = 24;
const ALL: Mix = { muted: new Set(), soloed: new Set() };

/** A preset in one line, with what is inside and what can be done for whoever opens it. */
export function PresetRow({ preset, session, desk }: Props) {
  const [shown, setShown] = useState<PresetShown | null>(null);
  const [groove, setGroove] = useState<PresetGroove | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asking, setAsking] = useState<Asking>(null);
  const row = useRef<HTMLDetailsElement>(null);
  const leave = () => {
    setAsking(null);
    row.current?.querySelector("summary")?.focus(); // the button that was pressed goes away
  };
  const failed = (thrown: unknown) => {
    setProblem(toProblem(thrown));
    setAsking(null); // nothing can be asked of what is not known
  };
  const look = () => {
    setProblem(null);
    showPreset(preset.name).then(setShown).catch(failed);
    if (preset.conversation.includes("groove")) {
      fetchGroove(preset.name).then(setGroove).catch(failed);
    }
  };
  const open = (event: ToggleEvent<HTMLDetailsElement>) => {
    setAsking(null);
    if (event.newState === "open" && preset.fault === "") look();
  };
  const ask = (what: Asking) => {
    if (what === "apply") look(); // what it changes may be other than when it was opened
    setAsking(what);
  };
  const take = () => {
    exportPreset(preset.name)
      .then((text) => download(fileNameOf(preset.name), text))
      .catch(failed);
  };

  return (
    <li>
      <details
        className="tool preset"
        data-fault={preset.fault !== ""}
        ref={row}
        onToggle={open}
      >
        <summary>
          <span className="preset-name" title={preset.name}>{preset.name}</span>
          <span className="preset-brief" title={preset.fault || preset.about}>
            {preset.fault || preset.about}
          </span>
          <span className="preset-parts">
            {preset.conversation.map((part) => (
              <span key={part} className="preset-part">
                {partName(part)}
              </span>
            ))}
          </span>
          {preset.made !== "" && <time dateTime={preset.made}>{agoOf(preset.made)}</time>}
        </summary>
        <div className="tool-inside">
          {problem !== null && <Notice problem={problem} />}
          {shown !== null && <Inside shown={shown} />}
          {groove !== null && <Grid groove={groove} />}
          {asking === null && (
            <p className="preset-actions">
              {preset.fault === "" && (
                <>
                  <button
                    type="button"
                    className="button button-signal"
                    onClick={() => ask("apply")}
                  >
                    Apply …
                  </button>
                  <button type="button" className="button" onClick={take}>
                    <span aria-hidden="true">↓</span> Export
                  </button>
                </>
              )}
              <button type="button" className="button" onClick={() => ask("delete")}>
                Delete …
              </button>
            </p>
          )}
          {asking === "apply" && shown !== null && (
            <Confirm
              question={`Apply ${preset.name}?`}
              lines={whatChanges(shown)}
              choice={preset.conversation.length > 0 ? "and recall it into this conversation" : ""}
              answer="Apply"
              onAnswer={(along) => void desk.apply(preset.name, along ? session : "")}
              onLeave={leave}
            />
          )}
          {asking === "delete" && (
            <Confirm
              question={`Delete ${preset.name}? It cannot be brought back.`}
              lines={[]}
              choice=""
              answer="Delete"
              onAnswer={() => void desk.forget(preset.name)}
              onLeave={leave}
            />
          )}
        </div>
      </details>
    </li>
  );
}

function whatChanges({ changes, needed, info, sent_elsewhere: elsewhere }: PresetShown): string[] {
  const lines = linesOf(changes.changes);
  if (lines.length === 0) lines.push("No provider, group or setting changes.");
  if (info.prompts.length > 0) lines.push(`system prompts: ${info.prompts.join(", ")}`);
  lines.push(...needed.map(neededLine));
  for (const each of elsewhere) {
    lines.push(`${each} would get a key of this machine at a new address: only the terminal may`);
  }
  return lines;
}

function Inside({ shown }: { shown: PresetShown }) {
  const facts = [
    ...(shown.info.about.length > LONG_ABOUT ? [["about", shown.info.about]] : []),
    ["providers", shown.info.providers.join(", ") || "none of its own"],
    ...(shown.info.prompts.length > 0 ? [["own prompts", shown.info.prompts.join(", ")]] : []),
    ...insideOf(shown.conversation),
  ];
  return (
    <dl className="preset-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Grid({ groove }: { groove: PresetGroove }) {
  const bars = Math.max(0, ...groove.lanes.map((lane) => lane.bars.length));
  if (bars === 0) return null;
  return (
    <div className="groove-pages preset-grid">
      <StepGrid groove={groove} first={0} last={0} perPage={1} mix={ALL} onMix={null} />
    </div>
  );
}

type ConfirmProps = {
  question: string;
  lines: string[];
  /** What may be left out; empty: nothing. */
  choice: string;
  answer: string;
  onAnswer: (chosen: boolean) => void;
  onLeave: () => void;
};

/** Asked before something is done. Where the keyboard is goes along. */
function Confirm({ question, lines, choice, answer, onAnswer, onLeave }: ConfirmProps) {
  const [chosen, setChosen] = useState(true);
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <div
      className="asked preset-asked"
      role="group"
      aria-label={question}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation(); // it is no wish to stop an answer
        onLeave();
      }}
    >
      <p className="asked-title">{question}</p>
      <Lines lines={lines} />
      {choice !== "" && (
        <label className="preset-check">
          <input
            type="checkbox"
            checked={chosen}
            onChange={(event) => setChosen(event.target.checked)}
          />
          <span>{choice}</span>
        </label>
      )}
      <div className="asked-buttons">
        <button
          type="button"
          className="button button-signal"
          ref={first}
          onClick={() => {
            onLeave();
            onAnswer(choice !== "" && chosen);
          }}
        >
          {answer}
        </button>
        <button type="button" className="button" onClick={onLeave}>
          Cancel
        </button>
      </div>
    </div>
  );
}

function download(name: string, text: string) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
