import {
  useEffect,
  useEffectEvent,
  useId,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
  type KeyboardEvent,
} from "react";
import { fileAddress, toProblem } from "../api/client.ts";
import type { Problem, RenderedGroove } from "../api/types.ts";
import { Notice } from "../shell/Notice.tsx";
import { player } from "../sound/player.ts";
import type { Mix } from "../sound/schedule.ts";
import { barsThatFit, pagesOf, shownBars } from "./grid.ts";
import { LONGEST_PLAYED_BARS, mount, partOf } from "./rack.ts";
import { StepGrid } from "./StepGrid.tsx";
import { Transport } from "./Transport.tsx";
import { useContentWidth } from "./useContentWidth.ts";
import { usePlayhead } from "./usePlayhead.ts";

/** What the lane heads take of the card's width, in pixels. */
const HEAD_PIXELS = 150;

type CardProps = {
  groove: RenderedGroove;
  /** It takes the place of another one that was playing. */
  goesOn?: boolean;
  onPlaying?: (playing: boolean) => void;
};

/** A groove: look at it, hear it, take it away. */
export function GrooveCard({ groove, goesOn = false, onPlaying }: CardProps) {
  const title = useId();
  const [tempo, setTempo] = useState(groove.bpm);
  const [mix, setMix] = useState<Mix>({ muted: new Set(), soloed: new Set() });
  const [problem, setProblem] = useState<Problem | null>(null);
  const owner = useId() + groove.groove_id;
  /** Play was pressed, and its notes are on their way. */
  const coming = useRef(false);
  const playing = useSyncExternalStore(player.subscribe, player.owner) === owner;

  useEffect(() => {
    mount(groove);
    return () => {
      coming.current = false; // or it would begin with nothing there to stop it
      player.stop(owner);
    };
  }, [groove, owner]);

  const toggle = async () => {
    if (playing) return player.stop(owner);
    if (coming.current) return;
    player.unlock();
    coming.current = true;
    try {
      const part = await partOf(groove);
      if (coming.current) player.play(owner, part, tempo, mix);
      setProblem(null);
    } catch (thrown) {
      setProblem(toProblem(thrown));
    }
    coming.current = false;
  };
  const begin = useEffectEvent(() => {
    if (goesOn) void toggle();
  });
  useEffect(() => {
    begin();
  }, []);
  const tell = useEffectEvent((now: boolean) => onPlaying?.(now));
  useEffect(() => {
    tell(playing);
  }, [playing]);
  const changeTempo = (bpm: number) => {
    setTempo(bpm);
    player.setTempo(owner, bpm);
  };
  const changeMix = (next: Mix) => {
    setMix(next);
    player.setMix(owner, next);
  };
  const key = (event: KeyboardEvent) => {
    if (event.key !== " " || event.target !== event.currentTarget) return;
    event.preventDefault();
    void toggle();
  };

  return (
    <section
      className="groove"
      aria-labelledby={title}
      tabIndex={0}
      data-playing={playing}
      onKeyDown={key}
    >
      <header className="groove-head">
        <h3 id={title}>{groove.title}</h3>
        <Facts groove={groove} />
      </header>
      <Pages groove={groove} mix={mix} onMix={changeMix} owner={owner} playing={playing} />
      <Transport
        groove={groove}
        download={fileAddress(groove.midi.id)}
        playing={playing}
        tempo={tempo}
        onToggle={() => void toggle()}
        onTempo={changeTempo}
      />
      {problem !== null && <Notice problem={problem} />}
    </section>
  );
}

function Facts({ groove }: { groove: RenderedGroove }) {
  const facts: [string, string][] = [
    ...(groove.style === undefined ? [] : [["style", groove.style] as [string, string]]),
    ["bpm", String(groove.bpm)],
    ["bars", String(groove.bars)],
    ["swing", `${Math.round(10 * groove.swing) / 10} %`],
    ["seed", String(groove.seed)],
  ];
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

type PagesProps = {
  groove: RenderedGroove;
  mix: Mix;
  onMix: (mix: Mix) => void;
  owner: string;
  playing: boolean;
};

/** The grid, as many bars of it as fit, turning its pages with the music. */
function Pages({ groove, mix, onMix, owner, playing }: PagesProps) {
  const frame = useRef<HTMLDivElement>(null);
  const shown = shownBars(groove);
  const width = useContentWidth(frame);
  const perPage = barsThatFit(width - HEAD_PIXELS, groove.steps_per_bar, shown);
  const pages = useMemo(() => pagesOf(shown, perPage), [shown, perPage]);
  const [chosen, setChosen] = useState(0);
  const page = Math.min(chosen, pages.length - 1);
  const [first, last] = pages[page] ?? [0, 0];
  const heard = usePlayhead(frame, owner, playing, first, perPage, groove.steps_per_bar, (bar) => {
    if (bar < shown) setChosen(Math.floor(bar / perPage));
  });
  const looped = Math.min(groove.bars, LONGEST_PLAYED_BARS);

  return (
    <div className="groove-pages" ref={frame}>
      <StepGrid
        groove={groove}
        first={first}
        last={last}
        perPage={perPage}
        mix={mix}
        onMix={onMix}
      />
      <div className="pager">
        <p className="legend" aria-hidden="true">
          <i className="step" data-step="ghost" /> ghost
          <i className="step" data-step="hit" /> hit
          <i className="step" data-step="accent" /> accent
        </p>
        {groove.bars > shown && (
          <p className="pager-note">
            {groove.bars > looped
              ? `first ${shown} bars drawn, ${looped} played; the file has all ${groove.bars}`
              : `first ${shown} of ${groove.bars} bars drawn`}
          </p>
        )}
        <output className="pager-heard" aria-hidden="true">
          {playing ? `playing bar ${heard + 1}` : ""}
        </output>
        {pages.length > 1 && (
          <div className="pager-buttons" role="group" aria-label="Bars shown">
            <button
              type="button"
              className="button"
              disabled={page === 0}
              onClick={() => setChosen(page - 1)}
              aria-label="Earlier bars"
            >
              ‹
            </button>
            <span className="pager-range">
              {first === last ? `bar ${first + 1}` : `bars ${first + 1}–${last + 1}`} / {shown}
            </span>
            <button
              type="button"
              className="button"
              disabled={page === pages.length - 1}
              onClick={() => setChosen(page + 1)}
              aria-label="Later bars"
            >
              ›
            </button>
          </div>
        )}
      </div>
    </div>
  );
}
