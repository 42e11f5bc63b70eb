import { useLayoutEffect, useRef, type RefObject } from "react";
import type { Circuit, ProviderState } from "../api/types.ts";
import { MarkdownLine } from "../text/Markdown.tsx";
import type { ProviderDesk } from "./useProviders.ts";

const CIRCUITS: Record<Circuit, { icon: string; label: string }> = {
  closed: { icon: "●", label: "closed" },
  half_open: { icon: "◐", label: "half-open" },
  open: { icon: "○", label: "open" },
};

/** The chain that a prompt goes down, as a signal path. */
export function ProviderBar({ desk }: { desk: ProviderDesk }) {
  const list = useRef<HTMLOListElement>(null);
  useActiveInView(list, desk.chain.find((provider) => provider.active)?.name);
  return (
    <nav className="providers" aria-label="Providers, in the order they are tried">
      <ol className="provider-chain" ref={list}>
        {desk.chain.map((provider) => (
          <li key={provider.name} className="provider-node">
            <Chip provider={provider} desk={desk} />
            {provider.circuit === "open" && (
              <button
                type="button"
                className="provider-reset"
                onClick={() => void desk.reset(provider.name)}
                aria-label={`Reset the circuit of ${provider.name}`}
              >
                reset
              </button>
            )}
          </li>
        ))}
      </ol>
      {desk.problem !== null && (
        <p className="provider-problem" role="alert">
          {desk.problem.message} <MarkdownLine text={desk.problem.hint} />
        </p>
      )}
    </nav>
  );
}

/** Room for the outline of the focus, in pixels. */
const EDGE = 3;

/** On a narrow screen the chain is longer than its window: show the end that matters. */
function useActiveInView(list: RefObject<HTMLOListElement | null>, active: string | undefined) {
  useLayoutEffect(() => {
    const chip = list.current?.querySelector<HTMLElement>("[aria-pressed=true]");
    if (active === undefined || list.current === null || !chip) return;
    // In the middle; of one that is wider than the window, its beginning, where the name is.
    const spare = Math.max(EDGE, (list.current.clientWidth - chip.offsetWidth) / 2);
    list.current.scrollLeft = chip.offsetLeft - spare;
  }, [list, active]);
}

function Chip({ provider, desk }: { provider: ProviderState; desk: ProviderDesk }) {
  const { icon, label } = CIRCUITS[provider.circuit];
  const offline = provider.type === "offline";
  return (
    <button
      type="button"
      className="provider-chip"
      data-circuit={provider.circuit}
      aria-pressed={provider.active}
      aria-busy={desk.pending === provider.name}
      title={[provider.name, provider.last_error || provider.base_url].filter(Boolean).join(": ")}
      onClick={() => void desk.switchTo(provider.name)}
    >
      <span className="provider-line">
        <span className="provider-icon" aria-hidden="true">
          {icon}
        </span>
        <span className="provider-name">{provider.name}</span>
        <span className="provider-model">{offline ? "no key needed" : provider.model}</span>
      </span>
      <span className="provider-line provider-figures">
        <span className="provider-circuit">
          <span className="hidden">circuit </span>
          {label}
          {provider.circuit === "open" && provider.retry_in_s > 0 && (
            <> {Math.ceil(provider.retry_in_s)} s</>
          )}
        </span>
        <span>
          <span className="hidden">health </span>
          {Math.round(provider.health)} %
        </span>
        <span>
          <span className="hidden">average </span>
          {milliseconds(provider.average_ms)}
        </span>
      </span>
    </button>
  );
}

function milliseconds(value: number | null): string {
  if (value === null) return "– ms";
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}
