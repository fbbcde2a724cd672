/** Tells the elements of a page when the customer's points have changed: one connection for all of them. */

import { open, type Access } from "./client";
import type { Identity } from "./identity";

type Listener = () => void;

const OFTEN = 60_000; // milliseconds, where nothing is told as it happens
const SOON = 2_000;
const listeners = new Map<Identity, Set<Listener>>();

/** Calls `changed` whenever the points may have changed, until what this answers is called. */
export function follow(access: Access, changed: Listener): () => void {
  const { identity } = access;
  const all = listeners.get(identity) ?? new Set();
  all.add(changed);
  if (!listeners.has(identity)) {
    listeners.set(identity, all);
    void keepListening(access, all);
  }
  return () => all.delete(changed);
}

async function keepListening(access: Access, all: Set<Listener>): Promise<void> {
  for (;;) {
    while (document.hidden) await new Promise((seen) => document.addEventListener("visibilitychange", seen, { once: true }));
    if (!all.size) break;
    const connection = new AbortController();
    const { signal } = connection;
    const leave = () => connection.abort(); // a browser has few connections, and a page that nobody sees needs none
    document.addEventListener("visibilitychange", leave, { signal });
    addEventListener("pointbook:changed", (event) => (event as CustomEvent).detail?.customer && leave(), { signal });
    const told = (await listen(access, all, signal).catch(() => false)) || signal.aborted;
    connection.abort();
    await new Promise((resolve) => setTimeout(resolve, told ? SOON : OFTEN));
    if (!document.hidden) for (const changed of all) changed(); // what was missed meanwhile
  }
  listeners.delete(access.identity);
}

/** Whether anything was told before the connection ended. */
async function listen(access: Access, all: Set<Listener>, signal: AbortSignal): Promise<boolean> {
  const reader = (await open(access, signal)).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let events = -1; // the first one tells what is so already
  for (;;) {
    const { value, done } = await reader.read();
    if (done || !all.size) return events >= 0;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      if (/^event: ?next/m.test(text.slice(0, end)) && ++events) for (const changed of all) changed();
    }
  }
}
