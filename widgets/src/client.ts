/** Asks the API: trusted documents by their id, over plain fetch. */

import { BalanceChanged, type TrustedDocument } from "./generated";
import type { Access } from "./identity";

const PATIENCE = 10_000; // milliseconds

/** Nothing came of a request. `code`: of the API's errors, or UNREACHABLE. */
export class Failure extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

interface Answer {
  readonly status: number;
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions?: { readonly code: string } }[];
}

export interface Options {
  /** Aborted when nobody waits for the answer any more: then there is none, were it on its way already. */
  readonly signal: AbortSignal;
  readonly once?: boolean;
  readonly cached?: boolean;
}

export async function ask<Data, Variables>(
  access: Access,
  documentId: TrustedDocument<Data, Variables>,
  variables: Variables,
  options: Options,
): Promise<Data> {
  const token = await access._current();
  const { _kept: asked } = access;
  const { status, data, errors } = await send(access, token, documentId, variables, options);
  if (status === 401 && token && !options.once) {
    access._expire(asked); // it has run out, or the shop has another key now
    return ask(access, documentId, variables, { ...options, once: true });
  }
  await access._current(); // whoever has asked may be another customer now
  if (data && !errors && !options.signal.aborted) return data as Data;
  throw new Failure(errors?.[0]?.extensions?.code ?? "UNREACHABLE");
}

async function send(
  access: Access,
  token: string | null,
  documentId: string,
  variables: unknown,
  { cached, signal }: Options,
): Promise<Answer> {
  const headers = headersOf(access, token);
  let url = access._api + "/graphql";
  let body: string | null = null;
  if (cached && !token) {
    // what is the same for every guest may come from a cache
    url += "?" + new URLSearchParams({ documentId, variables: JSON.stringify(variables) });
  } else {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify({ documentId, variables });
  }
  const clock = new AbortController();
  const stop = () => clock.abort();
  const timer = setTimeout(stop, PATIENCE);
  signal.addEventListener("abort", stop, { signal: clock.signal });
  if (signal.aborted) stop();
  try {
    const method = body ? "POST" : "GET";
    const answer = await fetch(url, { method, headers, body, credentials: "omit", signal: clock.signal });
    return { ...(await answer.json().catch(() => null)), status: answer.status };
  } catch {
    throw new Failure("UNREACHABLE");
  } finally {
    clearTimeout(timer);
    stop();
  }
}

/** A stream of the customer's balance, as server-sent events. */
export async function open(access: Access, signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const token = await access._current();
  const { _kept: asked } = access;
  const answer = await fetch(access._api + "/graphql", {
    method: "POST",
    headers: { ...headersOf(access, token), "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ documentId: BalanceChanged }),
    credentials: "omit",
    signal,
  });
  if (answer.status === 401) access._expire(asked);
  if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Failure("UNREACHABLE");
  return answer.body!;
}

function headersOf(access: Access, token: string | null): Record<string, string> {
  const headers: Record<string, string> = { "Pointbook-Key": access._key };
  if (token) headers["Authorization"] = `Bearer ${token}`;
  return headers;
}

/** Names an intention: whatever is sent again under it has no second effect. */
export function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
