/** Who the customer is: a token of the shop's. Elements that ask the same API and get it the same way share it. */

/** Asks the shop for a token; null for a visitor who is not signed in. */
export type TokenProvider = () => Promise<string | null | undefined>;

interface Kept {
  readonly _token: string | null;
  readonly _staleAt: number;
}

interface Claims {
  readonly sub?: string;
  readonly iat?: number;
  readonly exp?: number;
}

const LIFE = 600_000; // of what does not say: a token, or that nobody is signed in; in milliseconds
const PAUSE = 5_000; // to wait for a shop's answer, and before it is asked again

/** An API, a key for it, and the customer who is at this page. */
export class Access {
  /** Whom the newest token names; null: a guest, undefined: nobody has asked yet. */
  _who: string | null | undefined;
  /** Are called when that is another one than before, and to ask again. */
  readonly _watchers = new Set<(again?: boolean) => unknown>();
  /** What the shop was asked last. */
  _kept: Promise<Kept> | null = null;
  private _token: string | null = null;

  constructor(
    /** Address, without a slash at its end. */
    readonly _api: string,
    /** A publishable key. */
    readonly _key: string,
    private readonly _provider: TokenProvider,
  ) {
    // whoever comes back to a page may have signed out elsewhere; elements hear of it later, and ask
    addEventListener("visibilitychange", () => this._expire(), true);
  }

  /** A token that is good for a fifth of its life at least, or null for a guest. Whoever watches knows of it before. */
  async _current(): Promise<string | null> {
    for (;;) {
      const before = this._kept;
      const asked = (this._kept ??= this._ask());
      const { _token: token, _staleAt: staleAt } = await asked;
      if (this._kept !== asked) continue; // forgotten, or asked anew by another element
      if (before && Date.now() >= staleAt) this._kept = null;
      else {
        this._token = token;
        this._become(whoOf(token));
        return token;
      }
    }
  }

  /** The next request asks the shop anew, unless another one has already since `asked`. */
  _expire(asked = this._kept): void {
    if (asked === this._kept) this._kept = null;
  }

  /** The same, and who was here may have gone. */
  _forget(): void {
    this._kept = this._token = null;
  }

  private _become(who: string | null): void {
    if (who === this._who) return;
    this._who = who;
    for (const watcher of this._watchers) watcher();
  }

  private async _ask(): Promise<Kept> {
    try {
      const given = await Promise.race([
        this._provider(),
        new Promise<never>((_, reject) => setTimeout(reject, PAUSE)),
      ]);
      const token = given && /^[\w.~+/=-]+$/.test(given) ? given : null; // a page that asks to sign in is none
      const { iat, exp } = claims(token ?? "");
      return { _token: token, _staleAt: Date.now() + 0.8 * ((exp! - iat!) * 1000 || LIFE) };
    } catch {
      return { _token: this._token, _staleAt: Date.now() + PAUSE }; // a page without its token route still has guests
    }
  }
}

const shared = new Map<string, Map<unknown, Access>>();

/** `source`: a provider function, the address of a token route (`isRoute`), or a token. */
export function accessOf(api: string, key: string, source: TokenProvider | string | null, isRoute: boolean): Access {
  const name = [api, key, isRoute].join(" ");
  const known = shared.get(name) ?? new Map<unknown, Access>();
  let access = known.get(source);
  if (!access) {
    access = new Access(api, key, async () => {
      return isRoute ? fetchToken(source as string) : typeof source === "function" ? source() : source;
    });
    shared.set(name, known.set(source, access));
  }
  return access;
}

/** The route answers a token, as `{"token": "..."}` or plain, or says with 204 or 400 to 404 that nobody is signed in. */
async function fetchToken(url: string): Promise<string | null> {
  const answer = await fetch(url, { credentials: "same-origin", cache: "no-store", headers: { Accept: "application/json" } });
  if (answer.status > 404) throw new Error();
  if (!answer.ok) return null;
  const text = (await answer.text()).trim();
  return text[0] === "{" ? (JSON.parse(text).token as string) : text;
}

/** Whom a token names; what names nobody is somebody by itself. */
export function whoOf(token: string | null): string | null {
  return token && (claims(token).sub ?? token);
}

/** What a token says, unverified; its times are by the shop's clock, that of the browser may be wrong. */
function claims(token: string): Claims {
  try {
    return JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))) ?? {};
  } catch {
    return {};
  }
}
