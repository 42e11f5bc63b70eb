import { useEffect, useId, useRef, useState, type FormEvent, type KeyboardEvent } from "react";
import type { Decision, Json, JsonObject } from "../api/types.ts";
import { Notice } from "../shell/Notice.tsx";
import { visibleJson } from "../text/visible.ts";
import type { AskedPart } from "./transcript.ts";

const DECIDED = { approve: "approved", edit: "edited", reject: "rejected", answer: "answered" };

type Written = "edit" | "reject" | "answer";
const FORMS: Record<Written, { open: string; label: string; send: string; rows: number }> = {
  edit: { open: "Edit", label: "Arguments to use, as JSON", send: "Call with these", rows: 8 },
  reject: { open: "Reject", label: "Why not? The agent is told.", send: "Reject", rows: 2 },
  answer: { open: "Answer", label: "What it is taken to have given", send: "Answer", rows: 4 },
};

type Props = { part: AskedPart; busy: boolean; onDecide: (decision: Decision) => void };

/** A call that an agent may not make alone: all of its arguments, and what to do about it. */
export function AskedCard({ part, busy, onDecide }: Props) {
  const { call, decision, problem } = part;
  const [writing, setWriting] = useState<Written | null>(null);
  const openers = useRef(new Map<Written, HTMLButtonElement>());
  const back = () => {
    if (writing === null) return;
    const opener = writing;
    setWriting(null);
    requestAnimationFrame(() => openers.current.get(opener)?.focus());
  };

  if (decision !== "") {
    return (
      <p className="meta asked-decided">
        <span>
          {DECIDED[decision]}: <code>{call.block}</code>
        </span>
      </p>
    );
  }
  return (
    <section className="asked" aria-label={`Decision on ${call.block}`}>
      <h3 className="asked-title">
        <span aria-hidden="true">?</span> May <code>{call.block}</code> be called?
      </h3>
      <pre tabIndex={0} role="group" aria-label={`arguments of ${call.block}`}>
        <code>{visibleJson(call.arguments)}</code>
      </pre>
      {problem !== null && <Notice problem={problem} />}
      {writing === null ? (
        <div className="asked-buttons">
          <button
            type="button"
            className="button button-signal"
            disabled={busy}
            onClick={() => onDecide({ decision: "approve" })}
          >
            Approve
          </button>
          {(Object.keys(FORMS) as Written[]).map((kind) => (
            <button
              key={kind}
              type="button"
              className="button"
              disabled={busy}
              ref={(button) => {
                if (button !== null) openers.current.set(kind, button);
              }}
              onClick={() => setWriting(kind)}
            >
              {FORMS[kind].open}
            </button>
          ))}
        </div>
      ) : (
        <Writing
          key={writing}
          kind={writing}
          given={call.arguments}
          busy={busy}
          onBack={back}
          onDecide={onDecide}
        />
      )}
    </section>
  );
}

type WritingProps = {
  kind: Written;
  given: Json;
  busy: boolean;
  onBack: () => void;
  onDecide: (decision: Decision) => void;
};

/** What a decision needs in writing. Escape leads back. */
function Writing({ kind, given, busy, onBack, onDecide }: WritingProps) {
  const [text, setText] = useState(kind === "edit" ? visibleJson(given) : "");
  const [fault, setFault] = useState("");
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const { label, send, rows } = FORMS[kind];

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (kind !== "edit") {
      onDecide({ decision: kind, text });
      return;
    }
    const read = objectIn(text);
    if (typeof read === "string") setFault(read);
    else onDecide({ decision: "edit", arguments: read });
  };
  const key = (event: KeyboardEvent<HTMLFormElement>) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.currentTarget.requestSubmit();
    }
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onBack();
  };

  return (
    <form className="asked-form" onSubmit={submit} onKeyDown={key}>
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        ref={field}
        rows={rows}
        value={text}
        spellCheck={kind !== "edit"}
        aria-invalid={fault !== ""}
        aria-describedby={`${id}-fault`}
        onChange={(event) => {
          setText(event.target.value);
          setFault("");
        }}
      />
      <p id={`${id}-fault`} className="asked-fault" role="alert">
        {fault}
      </p>
      <div className="asked-buttons">
        <button
          type="submit"
          className="button button-signal"
          disabled={busy || (kind === "answer" && text === "")}
        >
          {send}
        </button>
        <button type="button" className="button" onClick={onBack}>
          Back
        </button>
      </div>
    </form>
  );
}

/** The object that a text is, or what is wrong with it. */
function objectIn(text: string): JsonObject | string {
  try {
    const value = JSON.parse(text) as Json;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
    return "This has to be an object, like {\"bars\": 8}.";
  } catch (thrown) {
    return `This is not JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
