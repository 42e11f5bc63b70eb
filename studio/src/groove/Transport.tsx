import { useSyncExternalStore } from "react";
import type { RenderedGroove } from "../api/types.ts";
import { LinkToggle } from "../link/LinkToggle.tsx";
import { link } from "../link/session.ts";
import { player } from "../sound/player.ts";

type Props = {
  groove: RenderedGroove;
  download: string;
  playing: boolean;
  tempo: number;
  onToggle: () => void;
  onTempo: (bpm: number) => void;
};

/** Play, the file, tempo, volume; and whether to play along with others, whose tempo it is then. */
export function Transport({ groove, download, playing, tempo: own, onToggle, onTempo }: Props) {
  const session = useSyncExternalStore(link.subscribe, link.view);
  const shared = session.following;
  const tempo = shared ? Math.round(10 * session.tempo) / 10 : own;
  const setTempo = (bpm: number) => (shared ? link.setTempo(bpm) : onTempo(bpm));
  const toggleLink = () => {
    if (!session.following) return link.follow();
    if (shared) onTempo(Math.round(session.tempo));
    link.leave();
  };
  const percent = Math.round(useSyncExternalStore(player.subscribe, player.volume) * 100);
  return (
    <div className="transport">
      <button
        type="button"
        className="button button-signal play"
        aria-keyshortcuts="Space"
        onClick={onToggle}
      >
        <span aria-hidden="true">{playing ? "■" : "▶"}</span> {playing ? "Stop" : "Play"}
      </button>
      <a className="button download" href={download} download={groove.midi.name}>
        <span aria-hidden="true">↓</span> MIDI file
        <span className="hidden">: {groove.midi.name}</span>
      </a>
      <label className="fader">
        <span>tempo</span>
        <input
          type="range"
          min={Math.min(60, groove.bpm, tempo)}
          max={Math.max(200, groove.bpm, tempo)}
          step={Number.isInteger(tempo) ? 1 : 0.1}
          value={tempo}
          aria-valuetext={`${tempo} bpm`}
          onChange={(event) => setTempo(event.target.valueAsNumber)}
        />
        <output>{tempo}</output>
      </label>
      {tempo !== groove.bpm && (
        <button type="button" className="button" onClick={() => setTempo(groove.bpm)}>
          back to {groove.bpm}
        </button>
      )}
      <LinkToggle view={session} onToggle={toggleLink} />
      <label className="fader">
        <span>volume</span>
        <input
          type="range"
          min={0}
          max={100}
          step={1}
          value={percent}
          aria-valuetext={`${percent} percent`}
          onChange={(event) => player.setVolume(event.target.valueAsNumber / 100)}
        />
        <output>{percent}</output>
      </label>
    </div>
  );
}
