import type { LinkView } from "./session.ts";

type Props = { view: LinkView; onToggle: () => void };

/** Follow the session or not. Not there where the server is in none. */
export function LinkToggle({ view, onToggle }: Props) {
  if (!view.available) return null;
  return (
    <button
      type="button"
      className="button link-toggle"
      aria-pressed={view.following}
      title="Play in time with the Ableton Link session"
      onClick={onToggle}
    >
      Link
      <span className="link-peers">{view.following ? who(view) : ""}</span>
    </button>
  );
}

function who({ connected, peers }: LinkView): string {
  if (!connected) return "no answer";
  if (peers === 0) return "alone";
  return peers === 1 ? "1 other" : `${peers} others`;
}
