import {
  useLayoutEffect,
  useState,
  type FormEvent,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from "react";

type Props = {
  busy: boolean;
  field: RefObject<HTMLTextAreaElement | null>;
  /** What stands beside the field. */
  beside?: ReactNode;
  onSend: (prompt: string) => void;
  onStop: () => void;
};

/** Where one writes. Enter sends, Shift+Enter is a new line, Escape stops the answer. */
export function Composer({ busy, field, beside, onSend, onStop }: Props) {
  const [draft, setDraft] = useState("");

  useLayoutEffect(() => {
    if (field.current === null) return;
    field.current.style.height = "auto";
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [draft, field]);

  const send = () => {
    const prompt = draft.trim();
    if (prompt === "" || busy) return;
    setDraft("");
    onSend(prompt);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  const key = (event: KeyboardEvent) => {
    // Enter also confirms a word in input methods of many languages.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form className="composer" onSubmit={submit}>
      <label className="hidden" htmlFor="prompt">
        Prompt
      </label>
      <textarea
        id="prompt"
        ref={field}
        rows={1}
        value={draft}
        placeholder="Describe a groove, or ask"
        aria-describedby="prompt-keys"
        autoComplete="off"
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={key}
      />
      {beside}
      {busy ? (
        <button type="button" className="button composer-button" onClick={onStop}>
          <span aria-hidden="true">■</span> Stop
        </button>
      ) : (
        <button
          type="submit"
          className="button button-signal composer-button"
          disabled={draft.trim() === ""}
        >
          Send
        </button>
      )}
      <p id="prompt-keys" className="composer-keys">
        <span>
          <kbd>Enter</kbd> sends
        </span>
        <span>
          <kbd>Shift</kbd> <kbd>Enter</kbd> new line
        </span>
        <span>
          <kbd>/</kbd> to this field
        </span>
        <span>
          <kbd>Esc</kbd> stops
        </span>
      </p>
    </form>
  );
}
