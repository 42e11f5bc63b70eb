import { useEffect, useRef } from "react";
import { Notice } from "../shell/Notice.tsx";
import type { Ears } from "./useEars.ts";

/** What is listened to now, and what could not be heard. Comes into view when that changes. */
export function Listening({ ears: { listening, problems } }: { ears: Ears }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.scrollIntoView({ block: "nearest" });
  }, [listening, problems]);
  return (
    <div className="sound-listening" ref={place}>
      {listening !== "" && (
        <p className="signal">
          <span>listening to {listening}</span>
        </p>
      )}
      {problems.map((problem, at) => (
        <Notice key={at} problem={problem} />
      ))}
    </div>
  );
}
