/** Pages of one browser that are in the same conversation tell each other when it went on. */

export type News = "answered" | "forgotten";
type Told = { session: string; news: News };

const channel = new BroadcastChannel("conduit.conversation");

export function tell(session: string, news: News): void {
  channel.postMessage({ session, news } satisfies Told);
}

/** Another page told something of this conversation. Returns what ends the listening. */
export function listen(session: string, told: (news: News) => void): () => void {
  const hear = ({ data }: MessageEvent<Told>) => {
    if (data.session === session) told(data.news);
  };
  channel.addEventListener("message", hear);
  return () => channel.removeEventListener("message", hear);
}
