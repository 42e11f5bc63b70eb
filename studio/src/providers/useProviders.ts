import { useCallback, useEffect, useState } from "react";
import { fetchProviders, resetCircuit, switchProvider, toProblem } from "../api/client.ts";
import type { Problem, ProviderState, Providers } from "../api/types.ts";

const CALM_MS = 20_000;
/** While a breaker is not closed, or the server is gone, what comes next is worth watching. */
const TENSE_MS = 4_000;

export type ProviderDesk = {
  /** In the order in which they are tried. */
  chain: ProviderState[];
  problem: Problem | null;
  /** The provider that a switch or reset is under way for. */
  pending: string | null;
  refresh: () => Promise<void>;
  switchTo: (name: string) => Promise<void>;
  reset: (name: string) => Promise<void>;
};

export function useProviders(): ProviderDesk {
  const [state, setState] = useState<Providers | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [pending, setPending] = useState<string | null>(null);

  const settle = useCallback(async (work: Promise<Providers>) => {
    try {
      setState(await work);
      setProblem(null);
    } catch (thrown) {
      setProblem(toProblem(thrown));
    }
  }, []);
  const refresh = useCallback(() => settle(fetchProviders()), [settle]);
  const act = async (name: string, work: Promise<Providers>) => {
    setPending(name);
    await settle(work);
    setPending(null);
  };

  const open = state?.providers.some((provider) => provider.circuit !== "closed") ?? true;
  const tense = open || problem !== null;
  useEffect(() => {
    void refresh();
    const timer = setInterval(
      () => {
        if (!document.hidden) void refresh();
      },
      tense ? TENSE_MS : CALM_MS,
    );
    return () => clearInterval(timer);
  }, [refresh, tense]);

  return {
    chain: inOrder(state),
    problem,
    pending,
    refresh,
    switchTo: (name) => act(name, switchProvider(name)),
    reset: (name) => act(name, resetCircuit(name).then(fetchProviders)),
  };
}

/** By the chain; what is configured but not in it comes after. */
function inOrder(state: Providers | null): ProviderState[] {
  if (state === null) return [];
  const place = ({ name }: ProviderState) => {
    const at = state.chain.indexOf(name);
    return at < 0 ? state.chain.length : at;
  };
  return state.providers.toSorted((a, b) => place(a) - place(b));
}
