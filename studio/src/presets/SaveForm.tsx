import { useState, type FormEvent } from "react";
import type { Saving } from "./calls.ts";
import { nameOf } from "./inside.ts";

type Props = { session: string; onSave: (saving: Saving) => Promise<boolean> };

export function SaveForm({ session, onSave }: Props) {
  const [name, setName] = useState("");
  const [about, setAbout] = useState("");
  const [along, setAlong] = useState(true);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const saving = { name: nameOf(name), about, session: along ? session : "", replace: false };
    if (await onSave(saving)) {
      setName("");
      setAbout("");
    }
  };
  return (
    <form className="preset-form" onSubmit={(event) => void send(event)}>
      <label className="preset-field">
        <span>Name</span>
        <input
          value={name}
          maxLength={64}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <label className="preset-field preset-field-wide">
        <span>About</span>
        <input
          value={about}
          maxLength={500}
          autoComplete="off"
          onChange={(event) => setAbout(event.target.value)}
        />
      </label>
      <label className="preset-check">
        <input
          type="checkbox"
          checked={along}
          onChange={(event) => setAlong(event.target.checked)}
        />
        <span>with this conversation</span>
      </label>
      <button type="submit" className="button button-signal" disabled={nameOf(name) === ""}>
        Save
      </button>
    </form>
  );
}
