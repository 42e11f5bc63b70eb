import { useSyncExternalStore } from "react";
import type { RenderedGroove } from "../api/types.ts";
import { player } from "../sound/player.ts";

type Props = {
  groove: RenderedGroove;
  download: string;
  playing: boolean;
  tempo: number;
  onToggle: () => void;
  onTempo: (bpm: number) => void;
};

/** Play, the file, tempo, volume. */
export function Transport({ groove, download, playing, tempo, onToggle, onTempo }: Props) {
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
          min={Math.min(60, groove.bpm)}
          max={Math.max(200, groove.bpm)}
          step={1}
          value={tempo}
          aria-valuetext={`${tempo} bpm`}
          onChange={(event) => onTempo(event.target.valueAsNumber)}
        />
        <output>{tempo}</output>
      </label>
      {tempo !== groove.bpm && (
        <button type="button" className="button" onClick={() => onTempo(groove.bpm)}>
          back to {groove.bpm}
        </button>
      )}
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
