/** Asks the API: trusted documents by their id, over plain fetch. */

import { BalanceChanged, type TrustedDocument } from "./generated";
import type { Identity } from "./identity";

const PATIENCE = 10_000; // milliseconds

/** Nothing came of a request. `code`: of the API's errors, or UNREACHABLE. */
export class Failure extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

export interface Access {
  /** Address of the API, without a slash at its end. */
  readonly api: string;
  /** A publishable key. */
  readonly key: string;
  readonly identity: Identity;
}

export async function ask<Answer, Variables>(
  access: Access,
  documentId: TrustedDocument<Answer, Variables>,
  variables: Variables,
  options: { once?: boolean; cached?: boolean; signal?: AbortSignal } = {},
): Promise<Answer> {
  const token = await access.identity.token();
  const answer = await send(access, token, documentId, variables, options);
  if (answer.status === 401 && token && !options.once) {
    access.identity.forget(); // it has run out, or the shop has another key now
    return ask(access, documentId, variables, { ...options, once: true });
  }
  const { data, errors } = await answer.json().catch(() => ({}));
  if (data && !errors) return data;
  throw new Failure(errors?.[0]?.extensions?.code ?? "UNREACHABLE");
}

async function send(
  access: Access,
  token: string | null,
  documentId: string,
  variables: unknown,
  { cached, signal }: { cached?: boolean; signal?: AbortSignal },
): Promise<Response> {
  const headers = headersOf(access, token);
  let url = access.api + "/graphql";
  let body: string | null = null;
  if (cached && !token) {
    // what is the same for every guest may come from a cache
    url += "?" + new URLSearchParams({ documentId, variables: JSON.stringify(variables) });
  } else {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify({ documentId, variables });
  }
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(), PATIENCE);
  signal?.addEventListener("abort", () => clock.abort());
  try {
    return await fetch(url, { method: body ? "POST" : "GET", headers, body, credentials: "omit", signal: clock.signal });
  } catch {
    throw new Failure("UNREACHABLE");
  } finally {
    clearTimeout(timer);
  }
}

/** A stream of the customer's balance, as server-sent events. */
export async function open(access: Access, signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const token = await access.identity.token();
  const answer = await fetch(access.api + "/graphql", {
    method: "POST",
    headers: { ...headersOf(access, token), "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ documentId: BalanceChanged }),
    credentials: "omit",
    signal,
  });
  if (answer.status === 401) access.identity.forget();
  if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new Failure("UNREACHABLE");
  return answer.body!;
}

function headersOf(access: Access, token: string | null): Record<string, string> {
  const headers: Record<string, string> = { "Pointbook-Key": access.key };
  if (token) headers["Authorization"] = `Bearer ${token}`;
  return headers;
}

/** Names an intention: whatever is sent again under it has no second effect. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
