/** What the elements have in common: where they ask, when they ask again, what they tell the page. */

import { LitElement, html, nothing, type PropertyDeclarations, type TemplateResult } from "lit";
import { ask, Failure, newKey, type Options } from "./client";
import type { GuidelinesQuery, TrustedDocument } from "./generated";
import { accessOf, type Access, type TokenProvider } from "./identity";
import sheet from "./element.css";
import type { Second } from "./kit";
import { follow } from "./live";
import { textsOf, type Texts } from "./texts";

export type View = TemplateResult | typeof nothing | string;

/** An expected failure, as results of the API have it. */
export interface Refusal {
  readonly code: string;
  /** The fewest points that can be redeemed. */
  readonly minimumPoints?: number;
  /** Path of a value that is wrong. */
  readonly field?: string;
}

const HERE = new URL("../..", SCRIPT_URL).href.slice(0, -1); // the script lies at /widgets/v1/
const QUIET = 150; // milliseconds without a change before a page that is being typed in is asked about
const AGAIN = 30_000; // milliseconds until what could not be reached is tried again

const looks = new CSSStyleSheet();
looks.replaceSync(sheet);

export abstract class PointbookElement<Data> extends LitElement {
  static override styles = looks;
  static override properties: PropertyDeclarations = {
    api: { attribute: false },
    apiKey: { attribute: "api-key" },
    lang: {},
    token: {},
    tokenUrl: { attribute: "data-token-url" },
    tokenProvider: { attribute: false },
    _data: { state: true },
    _failed: { state: true },
    _said: { state: true },
    _note: { state: true },
    _busy: { state: true },
    _form: { state: true },
    _terms: { state: true },
  };

  /** Set by the page: where Pointbook answers. No attribute, since customers' tokens are sent there. */
  declare api: string | null;
  declare apiKey: string | null;
  declare token: string | null;
  declare tokenUrl: string | null;
  /** Set by the page: answers a customer's token, or null for a guest. */
  declare tokenProvider: TokenProvider | null;

  protected declare _data: Data | null;
  protected declare _failed: boolean;
  /** What a screen reader is told. */
  protected declare _said: string;
  /** Why something could not be done, or what has happened. */
  protected declare _note: string;
  declare _busy: boolean;
  /** What changes something was sent, and its answer is not there. */
  protected _sent = false;
  /** Shown by whoever wants to join. */
  declare _form: Second["_joinForm"] | null;
  /** The programme's conditions, once they were asked for. */
  declare _terms: GuidelinesQuery["guidelines"]["sections"] | undefined;
  /** Keys of what the customer has asked for and the API has not answered, by what that was. */
  protected _keys = new Map<string, string>();
  private _watched: Access | null = null;
  /** The customer of whom everything here is, as `Access` has it. */
  private _who: string | null | undefined;
  /** Until the customer changes, or the element leaves the page. */
  private _life = new AbortController();
  private _request: AbortController | null = null;
  private _loading: Promise<void> | null = null;
  private _unfollow: (() => void) | null = null;
  private _waiting = 0;

  /** Asks the API for all that the element shows. */
  protected abstract _load(signal: AbortSignal, signedIn: boolean): Promise<Data | null>;
  protected abstract _show(data: Data): View;

  /** Asks again, also who the customer is, and so do all elements that share that: for a page that signs somebody in
   *  or out without being loaded again. */
  async refresh(): Promise<void> {
    const access = this._access;
    const before = access._who;
    access._forget();
    await access._current();
    await Promise.all([...access._watchers].map((watcher) => watcher(access._who === before)));
  }

  override connectedCallback(): void {
    const wrapper = this.parentElement;
    if (!this.hasUpdated && wrapper?.className === "pointbook") {
      this.style.minHeight = wrapper.clientHeight + "px"; // the snippet's text made room: nothing moves
    }
    super.connectedCallback();
    addEventListener("pointbook:changed", this._onChanged);
    addEventListener("online", this._onChanged);
    document.addEventListener("visibilitychange", this._onSeen);
    this.addEventListener("click", this._onClick, true);
    if (this.hasUpdated) void this._reload();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("pointbook:changed", this._onChanged);
    removeEventListener("online", this._onChanged);
    document.removeEventListener("visibilitychange", this._onSeen);
    this._watched?._watchers.delete(this._onCustomer);
    this._watched = null;
    this._stop();
  }

  /** Nothing that was asked for is waited for any more. */
  private _stop(): void {
    clearTimeout(this._waiting);
    this._request?.abort();
    this._life.abort();
    this._life = new AbortController();
    this._busy = this._sent = false;
    this._follow(false);
  }

  /** Forgets whatever is the former customer's. */
  protected _clear(): void {
    this._stop();
    this._keys.clear();
    this._data = this._form = null;
    this._failed = false;
    this._note = this._said = "";
  }

  /** Sees to it that what is here is the customer's who is there now, as far as anybody knows; whether it was not. */
  private _meet(): boolean {
    const access = this._access;
    if (access !== this._watched) {
      this._watched?._watchers.delete(this._onCustomer);
      access._watchers.add(this._onCustomer);
      this._watched = access;
      this._follow(false);
    }
    const [before, now] = [this._who, access._who];
    if (now === undefined || now === before) return false;
    this._who = now;
    if (before === undefined) return false;
    this._clear();
    return true;
  }

  private _onCustomer = (again?: boolean) => (this._meet() || again ? this._reload() : this._loading);

  /** Whether to be told when the customer's points have changed. */
  protected _follow(wanted: boolean): void {
    if (wanted) this._unfollow ??= follow(this._access, () => void this._reload());
    else {
      this._unfollow?.();
      this._unfollow = null;
    }
  }

  protected override updated(changed: Map<PropertyKey, unknown>): void {
    const declared = (this.constructor as typeof LitElement).elementProperties;
    if (!this.isConnected || ![...changed.keys()].some((name) => !declared.get(name)?.state)) return;
    this._meet();
    clearTimeout(this._waiting);
    this._waiting = window.setTimeout(() => void this._reload(), this._request ? QUIET : 0);
  }

  protected override render(): View {
    if (this._data) {
      return html`${this._show(this._data)}<p class="aside" role="status" lang=${this._texts.language}>${this._said}</p>`;
    }
    return this._failed ? this._showFailure() : html`<slot></slot>`;
  }

  /** A page that cannot reach Pointbook stays whole. */
  protected _showFailure(): View {
    return nothing;
  }

  /** Until what was asked for now is there, or asked for anew. */
  protected _reload(): Promise<void> {
    clearTimeout(this._waiting);
    if (!this.isConnected) return Promise.resolve();
    this._meet();
    this._request?.abort();
    this._request = new AbortController();
    return (this._loading = this._askAgain(this._request.signal));
  }

  private async _askAgain(signal: AbortSignal): Promise<void> {
    try {
      const signedIn = !!(await this._access._current());
      const data = signal.aborted ? null : await this._load(signal, signedIn);
      if (signal.aborted) return; // only the newest answer counts
      this._data = data;
      this._failed = !data;
      this._emit("loaded", {});
    } catch (failure) {
      if (signal.aborted) return;
      this._failed = true;
      this._data = this._kept();
      this._emitError(failure);
      if ((failure as Failure).code === "UNREACHABLE") this._waiting = window.setTimeout(() => void this._reload(), AGAIN);
    }
  }

  /** What is shown on when asking again has failed. */
  protected _kept(): Data | null {
    return null;
  }

  get _access(): Access {
    const { tokenProvider, tokenUrl, token } = this;
    const source = tokenProvider || tokenUrl || token || null;
    return accessOf((this.api ?? HERE).replace(/\/$/, ""), this.apiKey ?? "", source, !!tokenUrl && source === tokenUrl);
  }

  /** For the customer who is there now: when there is another one before the answer, it never comes. */
  _ask<Answer, Variables>(
    document: TrustedDocument<Answer, Variables>,
    variables: Variables,
    options: Partial<Options> = {},
  ): Promise<Answer> {
    const { signal } = this._life;
    const asked = ask(this._access, document, variables, { signal, ...options });
    if (options.signal) return asked;
    return new Promise((resolve, reject) => {
      asked.then(
        (answer) => signal.aborted || resolve(answer),
        (failure) => signal.aborted || reject(failure),
      );
    });
  }

  get _texts(): Texts {
    const tagged = this.closest("[lang]");
    return textsOf(this.lang || tagged?.getAttribute("lang") || navigator.language);
  }

  _emit(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent("pointbook:" + name, { detail, bubbles: true, composed: true }));
  }

  private _onChanged = (event: Event): void => {
    if (event.composedPath()[0] !== this) void this._reload();
  };

  /** What was told has been seen by whoever goes on. */
  private _onClick = (): void => {
    this._note = "";
  };

  /** A page that was out of sight shows what is so now: the machine may have slept. */
  private _onSeen = (): void => {
    if (this._request && !document.hidden) void this._reload();
  };

  /** To be heard, also when it was the last thing that was said. */
  _announce(text: string): void {
    this._said = text === this._said ? text + "\u00a0" : text;
  }

  /** To be seen and heard. */
  _tell(text: string): void {
    this._note = text;
    this._announce(text);
  }

  async _copy(code: string): Promise<void> {
    const done = await navigator.clipboard?.writeText(code).then(() => true, () => false);
    this._tell(this._texts.say(done ? "copied" : "failed"));
  }

  /** Changes what is shown. Whoever works with keys goes on there, if what they were at is gone. */
  async _step(change: () => unknown): Promise<void> {
    const path: Element[] = [];
    for (let at = this.shadowRoot!.activeElement; at; at = at.parentElement) path.push(at);
    await change();
    await this.updateComplete;
    if (document.activeElement !== document.body) return;
    const there = path.find((each) => each.isConnected);
    const next = there === path[0] ? there : there?.querySelector("input:checked, button:enabled, summary");
    (next as HTMLElement | null | undefined)?.focus();
  }

  /** Sends what changes something; `read` answers why nothing was changed, or nothing. What is not answered is sent
   *  again under the same key when the customer tries again; it may have been done, so all is asked for anew. */
  async _do<Answer>(
    input: unknown,
    send: (key: string) => Promise<Answer>,
    read: (answer: Answer) => Refusal | null | void,
  ): Promise<void> {
    if (this._busy) return;
    this._busy = this._sent = true;
    const of = JSON.stringify(input);
    const key = this._keys.get(of) ?? newKey();
    this._keys.set(of, key);
    await this._step(async () => {
      try {
        const answer = await send(key);
        this._keys.delete(of);
        const refused = read(answer);
        if (refused) this._tell(this._texts.ofCode("no", refused.code, "noOTHER", { n: refused.minimumPoints ?? 0 }));
        this._emit("changed", {});
      } catch (failure) {
        this._tell(this._texts.say("failed"));
        this._emitError(failure);
      }
      this._sent = false;
      await this._reload();
      this._busy = false;
    });
  }

  private _emitError(failure: unknown): void {
    this._emit("error", { code: failure instanceof Failure ? failure.code : "DEFECT" });
  }
}

/** A text that leads somewhere on the web; an address of any other kind leads nowhere. */
export function link(url: string | null, text: string): View {
  const { protocol } = Object.assign(document.createElement("a"), { href: url ?? "" });
  return url && /^https?:$/.test(protocol) ? html`<a part="link" href=${url}>${text}</a>` : text;
}
