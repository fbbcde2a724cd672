/** Tells the elements of a page when the customer's points have changed: one connection for all of them. */

import { open } from "./client";
import type { Access } from "./identity";

type Listener = () => void;

/** Who follows one customer's points; once nobody does, it ends, and with it the connection in that customer's name. */
interface Audience {
  readonly _all: Set<Listener>;
  readonly _end: AbortController;
}

const OFTEN = 60_000; // milliseconds, where nothing is told as it happens
const SOON = 2_000;
const audiences = new Map<Access, Audience>();

/** Calls `changed` whenever the points may have changed, until what this answers is called. */
export function follow(access: Access, changed: Listener): () => void {
  let audience = audiences.get(access);
  if (!audience) {
    audience = { _all: new Set(), _end: new AbortController() };
    audiences.set(access, audience);
    void keepListening(access, audience);
  }
  const { _all: all, _end: end } = audience;
  all.add(changed);
  return () => {
    if (!all.delete(changed) || all.size) return;
    audiences.delete(access);
    end.abort();
  };
}

async function keepListening(access: Access, { _all: all, _end: end }: Audience): Promise<void> {
  for (;;) {
    while (document.hidden) await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
    if (end.signal.aborted) break;
    const connection = new AbortController();
    const { signal } = connection;
    const leave = () => connection.abort(); // a browser has few connections, and a page that nobody sees needs none
    document.addEventListener("visibilitychange", leave, { signal });
    end.signal.addEventListener("abort", leave, { signal });
    const told = (await listen(access, all, signal).catch(() => false)) || signal.aborted;
    leave();
    await new Promise((resolve) => setTimeout(resolve, told ? SOON : OFTEN));
    if (!document.hidden) for (const changed of all) changed(); // what was missed meanwhile
  }
}

/** Whether anything was told before the connection ended. */
async function listen(access: Access, all: Set<Listener>, signal: AbortSignal): Promise<boolean> {
  const reader = (await open(access, signal)).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let events = -1; // the first one tells what is so already
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return events >= 0;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      if (/^event: ?next/m.test(text.slice(0, end)) && ++events) for (const changed of all) changed();
    }
  }
}
