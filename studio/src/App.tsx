import { Fragment, useCallback, useEffect, useRef, useState, type RefObject } from "react";
import { Composer } from "./chat/Composer.tsx";
import { EmptyState } from "./chat/EmptyState.tsx";
import { groovesOf } from "./chat/transcript.ts";
import { TurnView } from "./chat/TurnView.tsx";
import { useChat, type Chat } from "./chat/useChat.ts";
import { AddSound } from "./ears/AddSound.tsx";
import { DropZone } from "./ears/DropZone.tsx";
import { Heard } from "./ears/Heard.tsx";
import { Listening } from "./ears/Listening.tsx";
import { useEars, type Ears } from "./ears/useEars.ts";
import { PresetsPage } from "./presets/PresetsPage.tsx";
import { usePresets } from "./presets/usePresets.ts";
import { useProviders } from "./providers/useProviders.ts";
import { RunsPage } from "./runs/RunsPage.tsx";
import { useRuns } from "./runs/useRuns.ts";
import { Header } from "./shell/Header.tsx";
import { Notice } from "./shell/Notice.tsx";
import { currentSession } from "./shell/session.ts";
import { useFollowEnd } from "./shell/useFollowEnd.ts";
import { useView } from "./shell/view.ts";
import { player } from "./sound/player.ts";

const FOLLOW_UPS = ["more swing", "less dense", "other seed"];

export function App() {
  const [session] = useState(currentSession);
  const desk = useProviders();
  const view = useView();
  const later = useRef({ forget: () => {}, wentOn: () => {} }); // what only comes below
  const wentOn = useCallback(() => later.current.wentOn(), []);
  const runs = useRuns(view === "runs", wentOn);
  const { refresh } = desk;
  const applied = useCallback(() => void refresh(), [refresh]);
  const presets = usePresets(view === "presets", applied);
  const { look } = runs;
  const answered = useCallback(() => {
    void refresh();
    void look();
  }, [refresh, look]);
  const forgotten = useCallback(() => later.current.forget(), []);
  const chat = useChat(session, runs.waiting, answered, forgotten);
  const ears = useEars(session, chat.turns.length);
  const { catchUp } = chat;
  later.current = { forget: ears.forget, wentOn: () => void catchUp() };
  const field = useRef<HTMLTextAreaElement>(null);
  usePageKeys(field, chat);
  useEffect(() => {
    // Where a keyboard is at hand. On a phone it would cover half of the page.
    if (matchMedia("(pointer: fine)").matches) field.current?.focus({ preventScroll: true });
  }, []);
  const followEnd = useFollowEnd(chat.turns, view === "chat" && chat.turns.length > 0);
  const hasGroove = chat.turns.some((turn) => groovesOf(turn).length > 0);

  const { send, decide, reset } = chat;
  const { goOn } = ears;
  const say = useCallback(
    (prompt: string) => {
      goOn();
      followEnd();
      void send(prompt);
    },
    [goOn, followEnd, send],
  );
  const pick = (prompt: string) => {
    say(prompt);
    field.current?.focus();
  };
  const startOver = () => {
    player.stop();
    void reset();
    ears.forget();
    field.current?.focus();
  };
  const heardAt = (at: number) => (
    <Heard
      ears={ears}
      at={at}
      turns={chat.turns.length}
      hasGroove={hasGroove}
      busy={chat.busy}
      onPick={pick}
    />
  );

  return (
    <>
      <a className="skip" href="#prompt">
        Skip to the prompt
      </a>
      <Header
        desk={desk}
        view={view}
        waiting={runs.waiting.length}
        canReset={chat.turns.length > 0 || ears.sounds.length > 0}
        onReset={startOver}
      />
      <main className="main" id="main">
        <p role="status" className="hidden">
          {statusOf(chat)}
        </p>
        <p role="status" className="hidden">
          {earsStatus(ears)}
        </p>
        <p role="status" className="hidden">
          {waitingStatus(runs.waiting.length)}
        </p>
        {view === "runs" && <RunsPage runs={runs} />}
        {view === "presets" && <PresetsPage desk={presets} session={session.name} />}
        <div hidden={view !== "chat"}>
          {chat.problem !== null && <Notice problem={chat.problem} />}
          {chat.loaded && chat.turns.length === 0 && <EmptyState onPick={pick} />}
          <div role="log" aria-label="Conversation" aria-busy={chat.busy} className="log">
            {heardAt(0)}
            {chat.turns.map((turn, at) => {
              const elsewhere = turn.state === "waiting" ? runs.turns.get(turn.runId) : undefined;
              return (
                <Fragment key={turn.id}>
                  <TurnView
                    turn={elsewhere ?? turn}
                    busy={chat.busy}
                    onRetry={say}
                    onDecide={elsewhere === undefined ? decide : runs.decide}
                  />
                  {heardAt(at + 1)}
                </Fragment>
              );
            })}
          </div>
          <Listening ears={ears} />
          <FollowUps chat={chat} onPick={pick} />
        </div>
      </main>
      <DropZone ears={ears} />
      <footer className="footer" hidden={view !== "chat"}>
        <Composer
          busy={chat.busy}
          field={field}
          beside={<AddSound ears={ears} />}
          onSend={pick}
          onStop={chat.stop}
        />
      </footer>
    </>
  );
}

/** `/` goes to the prompt from anywhere, Escape stops the answer. */
function usePageKeys(field: RefObject<HTMLTextAreaElement | null>, chat: Chat) {
  const { stop } = chat;
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const writing = target.matches("input, textarea, select, [contenteditable]");
      if (event.isComposing) return; // the key is for the input method
      if (event.key === "Escape") stop();
      else if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        location.hash = "";
        requestAnimationFrame(() => field.current?.focus());
      }
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, [field, stop]);
}

/** What one would say next to a groove. */
function FollowUps({ chat, onPick }: { chat: Chat; onPick: (prompt: string) => void }) {
  const last = chat.turns.at(-1);
  if (chat.busy || last === undefined || groovesOf(last).length === 0) return null;
  return (
    <ul className="follow-ups" aria-label="Suggestions">
      {FOLLOW_UPS.map((prompt) => (
        <li key={prompt}>
          <button type="button" className="button" onClick={() => onPick(prompt)}>
            {prompt}
          </button>
        </li>
      ))}
    </ul>
  );
}

function statusOf({ busy, turns }: Chat): string {
  const last = turns.at(-1);
  if (busy) return `${last?.provider || "Conduit"} is answering`;
  if (last === undefined || last.id.startsWith("history-")) return "";
  return {
    done: "Answer complete",
    waiting: "Waiting for your decision",
    stopped: "Answer stopped",
    failed: "",
    streaming: "",
  }[last.state];
}

function earsStatus({ listening, sounds }: Ears): string {
  if (listening !== "") return `Listening to ${listening}`;
  const newest = sounds.at(-1)?.sound;
  return newest === undefined ? "" : `Heard ${newest.name}: ${newest.said}`;
}

function waitingStatus(count: number): string {
  return count === 0 ? "" : `${count} ${count === 1 ? "run waits" : "runs wait"} for a decision`;
}
