const EXAMPLES = [
  "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks",
  "hypnotic techno at 132 bpm, 16 bars, swing 58 %",
  "dense IDM at 96 bpm, 4 bars, seed 7",
  "How do I add a provider?",
];

/** The first thing anybody sees: what this is, and four ways to begin. */
export function EmptyState({ onPick }: { onPick: (prompt: string) => void }) {
  return (
    <section className="empty" aria-labelledby="empty-title">
      <Path />
      <h2 id="empty-title">
        A sentence goes in. <br />A groove comes out.
      </h2>
      <p className="empty-lead">
        See it, hear it here, and drop the file into your DAW. No key and no network needed: when no
        other provider is there, the offline agent answers.
      </p>
      <ul className="examples">
        {EXAMPLES.map((example, at) => (
          <li key={example}>
            <button type="button" className="example" onClick={() => onPick(example)}>
              <span className="example-number" aria-hidden="true">
                {`0${at + 1}`}
              </span>
              {example}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Decoration: a wave goes into a block and comes out as steps. */
function Path() {
  return (
    <svg className="empty-path" viewBox="0 0 640 72" aria-hidden="true">
      <path
        className="empty-wave"
        d={
          "M0 36h20l5-12 6 26 7-34 7 42 7-46 7 40 6-28 6 18 5-8 4 2h24" +
          "l5-16 6 30 7-36 7 40 6-30 6 20 5-10 4 2H240"
        }
      />
      <rect className="empty-block" x="240" y="8" width="56" height="56" />
      <rect className="empty-core" x="260" y="28" width="16" height="16" />
      <path className="empty-wire" d="M296 36h24" />
      {Array.from("X..-x...X..xx.-.").map((step, at) => {
        const size = { X: 44, x: 24, "-": 10 }[step] ?? 3;
        return (
          <rect
            key={at}
            className={step === "X" ? "empty-core" : "empty-step"}
            x={328 + at * 19.5}
            y={36 - size / 2}
            width="12"
            height={size}
          />
        );
      })}
    </svg>
  );
}
