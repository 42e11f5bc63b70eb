import { useRef, type ChangeEvent } from "react";
import { ACCEPTED } from "./sounds.ts";
import type { Ears } from "./useEars.ts";

/** A button that opens the browser's own choice of files. */
export function AddSound({ ears }: { ears: Ears }) {
  const input = useRef<HTMLInputElement>(null);
  const chosen = (event: ChangeEvent<HTMLInputElement>) => {
    void ears.hear(Array.from(event.target.files ?? []));
    event.target.value = ""; // the same file once more is a change too
  };
  return (
    <>
      <button
        type="button"
        className="button add-sound"
        title="Let it hear a WAV, AIFF or FLAC file; it can also be dropped anywhere"
        onClick={() => input.current?.click()}
      >
        <span aria-hidden="true">≋</span>
        <span className="add-sound-word">{ears.listening === "" ? "Sound" : "Hearing"}</span>
      </button>
      <input
        ref={input}
        type="file"
        className="hidden"
        tabIndex={-1}
        aria-label="A sound to hear"
        accept={ACCEPTED}
        multiple
        onChange={chosen}
      />
    </>
  );
}
