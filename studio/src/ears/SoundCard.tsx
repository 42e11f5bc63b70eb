import { describedTemplate, figuresOf, stepsOf, type SoundHeard } from "./sounds.ts";

type Props = {
  sound: SoundHeard;
  /** What could be said next; null for a sound that is not the newest. */
  next: string | null;
  busy: boolean;
  onPick: (prompt: string) => void;
};

/** A sound that was heard: its figures, and how it sits. */
export function SoundCard({ sound, next, busy, onPick }: Props) {
  return (
    <article className="sound" aria-label={`Sound: ${sound.name}`}>
      <header className="sound-head">
        <span className="sound-mark" aria-hidden="true">
          ≋
        </span>
        <h3 className="sound-name" title={sound.name}>{sound.name}</h3>
        <span className="sound-kind">{sound.stored ? "heard" : "heard while it played"}</span>
      </header>
      <ul className="sound-figures" aria-label="Figures">
        {figuresOf(sound).map((figure, at) => (
          <li key={at}>{figure}</li>
        ))}
      </ul>
      {sound.template === null ? (
        <p className="sound-none">There is no beat in it to sit like.</p>
      ) : (
        <TemplateStrip template={sound.template} />
      )}
      {next !== null && sound.template !== null && (
        <p>
          <button type="button" className="button" disabled={busy} onClick={() => onPick(next)}>
            {next}
          </button>
        </p>
      )}
    </article>
  );
}

const STEP = 20;
const HEIGHT = 44;
const BAR = 8;

/** One bar: how loud each sixteenth is, and how far before or behind its place it stands. */
function TemplateStrip({ template }: { template: NonNullable<SoundHeard["template"]> }) {
  return (
    <svg
      className="sound-strip"
      viewBox={`0 0 ${16 * STEP} ${HEIGHT + 4}`}
      role="img"
      aria-label={`How it sits: ${describedTemplate(template)}`}
    >
      {stepsOf(template).map(({ height, late }, at) => {
        const middle = at * STEP + STEP / 2;
        const tall = height * HEIGHT;
        return (
          <g key={at}>
            <line
              className={at % 4 === 0 ? "sound-beat" : "sound-step"}
              x1={middle}
              x2={middle}
              y1={0}
              y2={HEIGHT + 4}
            />
            {height > 0 && (
              <rect
                className="sound-hit"
                x={middle - BAR / 2 + late * (STEP / 2 - 1)}
                y={HEIGHT + 2 - tall}
                width={BAR}
                height={tall}
              />
            )}
          </g>
        );
      })}
    </svg>
  );
}
