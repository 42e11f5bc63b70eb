import { useState } from "react";
import type { ProviderDesk } from "../providers/useProviders.ts";
import { ProviderBar } from "../providers/ProviderBar.tsx";
import { applyTheme, nextTheme, storedTheme } from "./theme.ts";
import { VIEWS, type View } from "./view.ts";

type Props = {
  desk: ProviderDesk;
  view: View;
  /** How many runs wait for a decision. */
  waiting: number;
  canReset: boolean;
  onReset: () => void;
};

export function Header({ desk, view, waiting, canReset, onReset }: Props) {
  return (
    <header className="header">
      <h1 className="wordmark">
        <Mark />
        <span className="wordmark-name">Conduit</span>
        <span className="wordmark-part">Studio</span>
      </h1>
      <ProviderBar desk={desk} />
      <Pages view={view} waiting={waiting} />
      <div className="header-actions">
        <button
          type="button"
          className="button"
          disabled={!canReset || view !== "chat"}
          onClick={onReset}
        >
          New session
        </button>
        <ThemeButton />
      </div>
    </header>
  );
}

const NAMES: Readonly<Record<View, string>> = { chat: "Chat", presets: "Presets", runs: "Runs" };

/** To the other pages; to the runs with how many of them wait. */
function Pages({ view, waiting }: { view: View; waiting: number }) {
  return (
    <nav className="views" aria-label="Pages">
      {VIEWS.filter((each) => each !== view).map((each) => (
        <a key={each} className="button" href={`#${each}`}>
          {NAMES[each]}
          {each === "runs" && waiting > 0 && (
            <span className="badge">
              {waiting}
              <span className="hidden"> waiting for a decision</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}

/** A signal goes into a block and comes out again. */
function Mark() {
  return (
    <svg className="mark" viewBox="0 0 40 24" width="40" height="24" aria-hidden="true">
      <path className="mark-wire" d="M0 12h12M28 12h12" />
      <rect className="mark-block" x="12.5" y="2.5" width="15" height="19" />
      <rect className="mark-core" x="17" y="9" width="6" height="6" />
    </svg>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(storedTheme);
  const change = () => {
    const next = nextTheme(theme);
    applyTheme(next);
    setTheme(next);
  };
  return (
    <button type="button" className="button" onClick={change} aria-label={`Theme: ${theme}`}>
      <span aria-hidden="true">{{ auto: "◩", dark: "■", light: "□" }[theme]}</span> {theme}
    </button>
  );
}
