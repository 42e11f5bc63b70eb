import { memo } from "react";
import { isRenderedAudio, isRenderedGroove, type Decision } from "../api/types.ts";
import { GrooveCard } from "../groove/GrooveCard.tsx";
import { Notice } from "../shell/Notice.tsx";
import { Markdown } from "../text/Markdown.tsx";
import { AskedCard } from "./AskedCard.tsx";
import { ToolCard } from "./ToolCard.tsx";
import type { Part, Turn } from "./transcript.ts";
import { WavCard } from "./WavCard.tsx";

type Props = {
  turn: Turn;
  /** Something else is under way, so that nothing can be decided now. */
  busy: boolean;
  /** Asks once more; none where that is done elsewhere. */
  onRetry?: (prompt: string) => void;
  onDecide: (turn: Turn, call: string, decision: Decision) => void;
};

/** A prompt and its answer. */
export const TurnView = memo(function TurnView({ turn, busy, onRetry, onDecide }: Props) {
  return (
    <article className="turn" data-state={turn.state} aria-busy={turn.state === "streaming"}>
      <h2 className="prompt">
        <span className="hidden">You: </span>
        {turn.prompt}
      </h2>
      <div className="answer">
        {turn.failures.map((failure, at) => (
          <p className="failure" key={at}>
            <span aria-hidden="true">✕</span>
            <span>
              <strong>{failure.provider}</strong> failed: {failure.message.replace(/\.$/, "")}
              {turn.provider !== "" && (
                <>
                  , answered by <strong>{turn.provider}</strong>
                </>
              )}
            </span>
          </p>
        ))}
        {turn.parts.map((part, at) => (
          <PartView
            key={at}
            part={part}
            busy={busy || turn.state === "streaming"}
            onDecide={(call, decision) => onDecide(turn, call, decision)}
          />
        ))}
        {turn.error !== null && (
          <Notice problem={turn.error}>
            {onRetry !== undefined && (
              <button type="button" className="button" onClick={() => onRetry(turn.prompt)}>
                Try again
              </button>
            )}
          </Notice>
        )}
        {turn.state === "streaming" && <p className="signal">{progressOf(turn)}</p>}
        {turn.state === "stopped" && <p className="meta">stopped</p>}
        {turn.state === "done" && turn.provider !== "" && <Meta turn={turn} />}
      </div>
    </article>
  );
});

type PartProps = {
  part: Part;
  busy: boolean;
  onDecide: (call: string, decision: Decision) => void;
};

function PartView({ part, busy, onDecide }: PartProps) {
  if (part.kind === "text") return <Markdown text={part.text} />;
  if (part.kind === "asked") {
    const { id } = part.call;
    return <AskedCard part={part} busy={busy} onDecide={(decision) => onDecide(id, decision)} />;
  }
  return (
    <>
      <ToolCard tool={part} />
      {isRenderedGroove(part.result) && <GrooveCard groove={part.result} />}
      {isRenderedAudio(part.result) && <WavCard audio={part.result} />}
    </>
  );
}

function progressOf(turn: Turn): string {
  const last = turn.parts.at(-1);
  if (last?.kind === "tool" && last.state === "running") return `${last.block} is running`;
  return turn.provider === "" ? "sending" : `${turn.provider} is answering`;
}

function Meta({ turn }: { turn: Turn }) {
  const tokens = turn.usage && turn.usage.input_tokens + turn.usage.output_tokens;
  return (
    <p className="meta">
      <span>{turn.provider}</span>
      {turn.model !== "" && turn.model !== turn.provider && <span>{turn.model}</span>}
      {turn.elapsedMs !== null && <span>{(turn.elapsedMs / 1000).toFixed(2)} s</span>}
      {tokens !== null && <span>{tokens} tokens</span>}
    </p>
  );
}
