import { fileAddress } from "../api/client.ts";
import type { RenderedAudio } from "../api/types.ts";

/** A sound file that a block made: to hear here, and to keep. */
export function WavCard({ audio: { wav, seconds } }: { audio: RenderedAudio }) {
  const address = fileAddress(wav.id);
  return (
    <article className="wav" aria-label={`Sound file: ${wav.name}`}>
      <audio controls preload="metadata" src={address} aria-label={`Play ${wav.name}`} />
      <a className="button download" href={address} download={wav.name}>
        <span aria-hidden="true">↓</span> WAV file
        <span className="hidden">
          : {wav.name}, {seconds.toFixed(1)} seconds
        </span>
      </a>
    </article>
  );
}
