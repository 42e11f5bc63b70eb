import { useCallback, useEffect, useLayoutEffect, useRef } from "react";

const NEAR_PIXELS = 120;

/**
 * Keep the end of the page in view while `content` grows, unless somebody scrolled away, or is
 * looking at something else. Returns what leads back to the end, for who adds to it.
 */
export function useFollowEnd(content: unknown, shown: boolean): () => void {
  const follows = useRef(true);
  useEffect(() => {
    const note = () => {
      const { scrollHeight, clientHeight, scrollTop } = document.documentElement;
      follows.current = scrollHeight - clientHeight - scrollTop < NEAR_PIXELS;
    };
    document.addEventListener("scroll", note, { passive: true });
    return () => document.removeEventListener("scroll", note);
  }, []);
  useLayoutEffect(() => {
    if (!shown) window.scrollTo({ top: 0 });
  }, [shown]);
  useLayoutEffect(() => {
    if (shown && follows.current) {
      window.scrollTo({ top: document.documentElement.scrollHeight });
    }
  }, [content, shown]);
  return useCallback(() => {
    follows.current = true;
  }, []);
}
