import { useEffect, useRef, type ChangeEvent } from "react";
import { Notice } from "../shell/Notice.tsx";
import { MorphPanel } from "./MorphPanel.tsx";
import { PresetRow } from "./PresetRow.tsx";
import { SaveForm } from "./SaveForm.tsx";
import type { PresetDesk } from "./usePresets.ts";

/** Whole set-ups: keep one, look into it, come back to it, share it, go from one to another. */
export function PresetsPage({ desk, session }: { desk: PresetDesk; session: string }) {
  const { presets, loaded, problem, done, instead } = desk;
  const told = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // What was pressed may be gone, and may have been far below.
    if (done !== null || problem !== null) told.current?.focus();
  }, [done, problem]);
  const withGrooves = presets.filter((each) => each.conversation.includes("groove"));
  return (
    <div className="presets">
      <div className="presets-told" tabIndex={-1} ref={told}>
        <div role="status" className="presets-done">
          {done !== null && (
            <>
              <p>
                {done.said}{" "}
                {done.canUndo && (
                  <button type="button" className="button" onClick={() => void desk.undo()}>
                    Undo
                  </button>
                )}
              </p>
              <Lines lines={done.lines} />
            </>
          )}
        </div>
        {problem !== null && (
          <Notice problem={problem}>
            {instead !== null && (
              <button type="button" className="button" onClick={() => void instead()}>
                Replace it
              </button>
            )}
          </Notice>
        )}
      </div>
      <section className="presets-part" aria-labelledby="presets-save">
        <h2 id="presets-save">Save what holds now</h2>
        <p className="presets-about">
          Providers, routing, caches and system prompts, without keys. With a conversation also how
          it is answered, its set of Live and its last groove.
        </p>
        <SaveForm session={session} onSave={desk.save} />
      </section>
      <section className="presets-part" aria-labelledby="presets-kept">
        <div className="presets-head">
          <h2 id="presets-kept">Kept here</h2>
          <p className="preset-actions">
            <button type="button" className="button" onClick={() => void desk.undo()}>
              Undo the last
            </button>
            <Import onFile={desk.take} />
          </p>
        </div>
        {loaded && presets.length === 0 && (
          <p className="presets-about">None yet. Save one above, or take one in from a file.</p>
        )}
        <ul className="preset-list">
          {presets.map((preset) => (
            <PresetRow key={preset.name} preset={preset} session={session} desk={desk} />
          ))}
        </ul>
      </section>
      {withGrooves.length > 0 && (
        <section className="presets-part" aria-labelledby="presets-morph">
          <h2 id="presets-morph">From one groove to another</h2>
          {withGrooves.length === 1 ? (
            <p className="presets-about">
              {withGrooves[0]?.name} holds a groove. Save another preset with a groove, and you can
              go from one to the other.
            </p>
          ) : (
            <MorphPanel names={withGrooves.map((each) => each.name)} />
          )}
        </section>
      )}
    </div>
  );
}

export function Lines({ lines }: { lines: string[] }) {
  if (lines.length === 0) return null;
  return (
    <ul className="preset-changes">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}

/** A file from somewhere else. It is kept, and not applied. */
function Import({ onFile }: { onFile: (file: File) => Promise<boolean> }) {
  const field = useRef<HTMLInputElement>(null);
  const chosen = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    event.target.value = "";
    if (file !== undefined) void onFile(file);
  };
  return (
    <>
      <input
        ref={field}
        type="file"
        className="hidden"
        accept=".yaml,.yml,.json"
        aria-label="Preset file"
        tabIndex={-1}
        onChange={chosen}
      />
      <button type="button" className="button" onClick={() => field.current?.click()}>
        <span aria-hidden="true">↑</span> Import a file
      </button>
    </>
  );
}
