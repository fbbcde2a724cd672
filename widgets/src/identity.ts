/** Who the customer is: a token of the shop's. Elements that get it the same way share it. */

/** Asks the shop for a token; null for a visitor who is not signed in. */
export type TokenProvider = () => Promise<string | null | undefined>;

interface Kept {
  readonly token: string | null;
  readonly staleAt: number;
}

const LIFE = 600_000; // of a token that does not say, in milliseconds
const PAUSE = 5_000; // before a shop that did not answer is asked again

export class Identity {
  private _kept: Promise<Kept> | null = null;

  constructor(private readonly _provider: TokenProvider) {}

  /** A token that is good for a fifth of its life at least, or null for a guest. */
  async token(): Promise<string | null> {
    const asked = (this._kept ??= this._ask());
    const kept = await asked;
    if (Date.now() < kept.staleAt) return kept.token;
    if (this._kept === asked) this._kept = null; // else another element has asked meanwhile
    return (await (this._kept ??= this._ask())).token;
  }

  /** The next request asks the shop anew. */
  forget(): void {
    this._kept = null;
  }

  private async _ask(): Promise<Kept> {
    try {
      const token = (await this._provider()) || null;
      return { token, staleAt: token ? Date.now() + 0.8 * lifeOf(token) : Infinity };
    } catch {
      return { token: null, staleAt: Date.now() + PAUSE }; // a page without its token route still has guests
    }
  }
}

const shared = new Map<unknown, Identity>();

/** The identity of a provider function, of a token route, or of a token, whichever is given first. */
export function identityOf(provider: TokenProvider | null, url: string | null, token: string | null): Identity {
  const source = provider ?? url ?? token;
  let identity = shared.get(source);
  if (!identity) {
    identity = new Identity(provider ?? (url ? () => fetchToken(url) : async () => token));
    shared.set(source, identity);
  }
  return identity;
}

/** The route answers a token, as `{"token": "..."}` or plain, or says with 204 or 4xx that nobody is signed in. */
async function fetchToken(url: string): Promise<string | null> {
  const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
  if (answer.status >= 500) throw new Error();
  if (!answer.ok) return null;
  const text = (await answer.text()).trim();
  return text[0] === "{" ? (JSON.parse(text).token as string) : text;
}

/** In milliseconds, by the token's own clock: that of the browser may be wrong. */
function lifeOf(token: string): number {
  try {
    const part = token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/");
    const { iat, exp } = JSON.parse(atob(part));
    return (exp - iat) * 1000 || LIFE;
  } catch {
    return LIFE;
  }
}
