import { useEffect, useId, useRef, useState } from "react";
import { toProblem } from "../api/client.ts";
import type { Problem } from "../api/types.ts";
import { GrooveCard } from "../groove/GrooveCard.tsx";
import { Notice } from "../shell/Notice.tsx";
import { morphPresets } from "./calls.ts";
import type { MorphedGroove } from "./types.ts";

/** A hand on the fader moves on before this; then the server is asked. */
const STILL_MS = 200;

/** Two presets, a fader between them, and the groove that it stands at. */
export function MorphPanel({ names }: { names: string[] }) {
  const [chosen, setChosen] = useState<[string, string]>([names[0] ?? "", names[1] ?? ""]);
  const [percent, setPercent] = useState(50);
  const [shown, setShown] = useState<{ groove: MorphedGroove; goesOn: boolean } | null>(null);
  const playing = useRef(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [one, two] = chosen.map((name, at) => (names.includes(name) ? name : (names[at] ?? "")));

  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      morphPresets(one ?? "", two ?? "", percent / 100)
        .then((made) => {
          if (!current) return;
          setShown({ groove: made, goesOn: playing.current });
          setProblem(null);
        })
        .catch((thrown: unknown) => current && setProblem(toProblem(thrown)));
    }, STILL_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [one, two, percent]);

  return (
    <div className="morph">
      <div className="morph-desk">
        <Choice
          label="From"
          names={names}
          value={one ?? ""}
          onChange={(name) => setChosen([name, two ?? ""])}
        />
        <label className="fader morph-fader">
          <span className="hidden">How far</span>
          <input
            type="range"
            min={0}
            max={100}
            step={1}
            value={percent}
            aria-valuetext={`${percent} percent from ${one} to ${two}`}
            onChange={(event) => setPercent(event.target.valueAsNumber)}
          />
          <output>{percent} %</output>
        </label>
        <Choice
          label="To"
          names={names}
          value={two ?? ""}
          onChange={(name) => setChosen([one ?? "", name])}
        />
      </div>
      {problem !== null && <Notice problem={problem} />}
      {shown !== null && (
        <GrooveCard
          key={shown.groove.groove_id}
          groove={shown.groove}
          goesOn={shown.goesOn}
          onPlaying={(now) => {
            playing.current = now;
          }}
        />
      )}
    </div>
  );
}

type ChoiceProps = {
  label: string;
  names: string[];
  value: string;
  onChange: (name: string) => void;
};

function Choice({ label, names, value, onChange }: ChoiceProps) {
  const named = useId();
  return (
    <label className="preset-field">
      <span id={named}>{label}</span>
      <select aria-labelledby={named} value={value} onChange={(event) => onChange(event.target.value)}>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
