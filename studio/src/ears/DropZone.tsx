import { useEffect, useRef, useState } from "react";
import type { Ears } from "./useEars.ts";

/** While files are dragged over the page: where they may be dropped, which is everywhere. */
export function DropZone({ ears }: { ears: Ears }) {
  const [over, setOver] = useState(false);
  const depth = useRef(0);
  const { hear } = ears;
  useEffect(() => {
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const moved = (by: number) => {
      depth.current = Math.max(0, depth.current + by);
      setOver(depth.current > 0);
    };
    const enter = (event: DragEvent) => {
      if (carries(event)) moved(1);
    };
    const leave = (event: DragEvent) => {
      if (carries(event)) moved(-1);
    };
    const allow = (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault(); // or the browser would leave the page for the file
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = "copy";
    };
    const drop = (event: DragEvent) => {
      if (!carries(event)) return;
      event.preventDefault();
      moved(-depth.current);
      location.hash = ""; // what was heard, and what was wrong, is said there
      void hear(Array.from(event.dataTransfer?.files ?? []));
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragleave", leave);
    window.addEventListener("dragover", allow);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("dragover", allow);
      window.removeEventListener("drop", drop);
    };
  }, [hear]);
  if (!over) return null;
  return (
    <div className="drop-zone" aria-hidden="true">
      <p>Drop a WAV, AIFF or FLAC file, and it is heard</p>
    </div>
  );
}
