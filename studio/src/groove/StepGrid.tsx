import { memo, type CSSProperties } from "react";
import type { Lane, RenderedGroove } from "../api/types.ts";
import { isAudible, type Mix } from "../sound/schedule.ts";
import { describeBar, stepsOf, stepsPerBeat } from "./grid.ts";

type Props = {
  groove: Pick<RenderedGroove, "lanes" | "steps_per_bar">;
  /** Bars shown, counted from 0, both included. */
  first: number;
  last: number;
  perPage: number;
  mix: Mix;
  /** Null where nothing is heard, and so nothing is muted. */
  onMix: ((mix: Mix) => void) | null;
};

/** Lanes by steps. What a step is can be seen by its size and shape alone. */
export function StepGrid({ groove, first, last, perPage, mix, onMix }: Props) {
  const bars = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  const perBeat = stepsPerBeat(groove.steps_per_bar);
  const columns = { "--bars": perPage, "--steps": groove.steps_per_bar } as CSSProperties;
  const flip = (which: keyof Mix, layer: string) => {
    const changed = new Set(mix[which]);
    if (!changed.delete(layer)) changed.add(layer);
    onMix?.({ ...mix, [which]: changed });
  };
  return (
    <div className="grid" style={columns}>
      <Ruler bars={bars} beats={groove.steps_per_bar / perBeat} />
      {groove.lanes.map((lane) => (
        <div
          key={lane.name}
          className="lane"
          role="group"
          aria-label={lane.name}
          data-audible={isAudible(lane.name, mix)}
        >
          <span className="lane-name">{lane.name.replaceAll("_", " ")}</span>
          {onMix !== null && (
            <>
              <button
                type="button"
                className="lane-switch"
                aria-pressed={mix.muted.has(lane.name)}
                aria-label={`Mute ${lane.name}`}
                onClick={() => flip("muted", lane.name)}
              >
                M
              </button>
              <button
                type="button"
                className="lane-switch"
                aria-pressed={mix.soloed.has(lane.name)}
                aria-label={`Solo ${lane.name}`}
                onClick={() => flip("soloed", lane.name)}
              >
                S
              </button>
            </>
          )}
          <div className="lane-bars">
            {bars.map((bar) => (
              <BarSteps key={bar} lane={lane} bar={bar} perBeat={perBeat} />
            ))}
          </div>
        </div>
      ))}
      <div className="playhead-track" aria-hidden="true">
        <i className="playhead" />
      </div>
    </div>
  );
}

type BarProps = { lane: Lane; bar: number; perBeat: number };

const BarSteps = memo(function BarSteps({ lane, bar, perBeat }: BarProps) {
  return (
    <div className="bar" role="img" aria-label={describeBar(lane, bar)}>
      {stepsOf(lane.bars[bar] ?? "").map((step, at) => (
        <i key={at} className="step" data-step={step} data-beat={at % perBeat === 0} />
      ))}
    </div>
  );
});

function Ruler({ bars, beats }: { bars: number[]; beats: number }) {
  return (
    <div className="ruler" aria-hidden="true">
      <div className="lane-bars">
        {bars.map((bar) => (
          <div key={bar} className="ruler-bar" style={{ "--beats": beats } as CSSProperties}>
            {Array.from({ length: beats }, (_, beat) => (
              <span key={beat}>{beat === 0 ? bar + 1 : `.${beat + 1}`}</span>
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}
