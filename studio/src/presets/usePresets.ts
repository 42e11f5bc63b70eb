import { useCallback, useEffect, useState } from "react";
import { ApiError, toProblem } from "../api/client.ts";
import type { Problem } from "../api/types.ts";
import { applyPreset, fetchPresets, importPreset, removePreset, savePreset, undoPreset } from "./calls.ts";
import type { Saving } from "./calls.ts";
import { linesOf, neededLine } from "./inside.ts";
import type { Applied, PresetInfo } from "./types.ts";

/** What was done last, for whoever sees it and for whoever hears it. */
export type Done = { said: string; lines: string[]; canUndo: boolean };

export type PresetDesk = {
  presets: PresetInfo[];
  loaded: boolean;
  problem: Problem | null;
  done: Done | null;
  /** What was refused because there is a preset of that name: the same again, in its place. */
  instead: (() => Promise<boolean>) | null;
  save: (saving: Saving) => Promise<boolean>;
  take: (file: File) => Promise<boolean>;
  apply: (name: string, session: string) => Promise<boolean>;
  undo: () => Promise<boolean>;
  forget: (name: string) => Promise<boolean>;
};

/** The presets on the server, looked for while they are `shown`. */
export function usePresets(shown: boolean, onApplied: () => void): PresetDesk {
  const [presets, setPresets] = useState<PresetInfo[]>([]);
  const [loaded, setLoaded] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [done, setDone] = useState<Done | null>(null);
  const [instead, setInstead] = useState<(() => Promise<boolean>) | null>(null);

  const attempt = useCallback(async (doing: () => Promise<Done | null>): Promise<boolean> => {
    try {
      const made = await doing();
      setPresets(await fetchPresets());
      setDone(made);
      setProblem(null);
      setInstead(null);
      setLoaded(true);
      return true;
    } catch (thrown) {
      setProblem(toProblem(thrown));
      setDone(null);
      setInstead(null);
      throw thrown;
    }
  }, []);

  /** Try it; what is in the way of a preset that is there may be done in its place. */
  const unless = useCallback(
    async (doing: () => Promise<Done | null>, again?: () => Promise<boolean>): Promise<boolean> => {
      try {
        return await attempt(doing);
      } catch (thrown) {
        const there = thrown instanceof ApiError && thrown.code === "conflict";
        if (there && again !== undefined) setInstead(() => again);
        return false;
      }
    },
    [attempt],
  );

  useEffect(() => {
    if (!shown) return undefined;
    const look = async () => {
      if (document.hidden) return;
      try {
        setPresets(await fetchPresets());
        setLoaded(true);
      } catch (thrown) {
        setProblem(toProblem(thrown));
      }
    };
    setProblem(null);
    void look();
    // Somebody who comes back to this page may have saved or deleted some elsewhere.
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [shown]);

  const save = useCallback(
    (saving: Saving): Promise<boolean> =>
      unless(
        async () => said(`Saved ${(await savePreset(saving)).name}.`),
        () => save({ ...saving, replace: true }),
      ),
    [unless],
  );
  const take = useCallback(
    (file: File): Promise<boolean> => {
      const keep = async (replace: boolean) => {
        const { name } = await importPreset(await textOf(file), replace);
        return said(`Kept ${name}. Nothing is applied yet.`);
      };
      return unless(
        () => keep(false),
        () => unless(() => keep(true)),
      );
    },
    [unless],
  );
  const apply = useCallback(
    async (name: string, session: string) => {
      const worked = await unless(async () =>
        changed(`Applied ${name}.`, await applyPreset(name, session)),
      );
      if (worked) onApplied();
      return worked;
    },
    [unless, onApplied],
  );
  const undo = useCallback(async () => {
    const worked = await unless(async () => changed("Undone.", await undoPreset()));
    if (worked) onApplied();
    return worked;
  }, [unless, onApplied]);
  const forget = useCallback(
    (name: string) =>
      unless(async () => {
        await removePreset(name);
        return said(`Deleted ${name}.`);
      }),
    [unless],
  );
  return { presets, loaded, problem, done, instead, save, take, apply, undo, forget };
}

/** A longer file is none that the server takes. */
const LARGEST_FILE = 256 * 1024;

async function textOf(file: File): Promise<string> {
  const isSmall = file.size > 0 && file.size <= LARGEST_FILE;
  const text = isSmall ? await file.text() : "";
  if (text !== "" && !text.includes("\0")) return text;
  throw new ApiError({
    code: "invalid_input",
    message: `${file.name} is no preset.`,
    hint: "A preset is a text file of at most 256 KiB, as Export writes it.",
  });
}

function said(text: string): Done {
  return { said: text, lines: [], canUndo: false };
}

function changed(text: string, { changes, prompts, needed }: Applied): Done {
  const lines = [...linesOf(changes.changes), ...needed.map(neededLine)];
  if (prompts.length > 0) lines.push(`system prompts: ${prompts.join(", ")}`);
  return { said: text, lines, canUndo: true };
}
