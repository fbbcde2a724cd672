/** What the elements have in common: where they ask, when they ask again, what they tell the page. */

import { LitElement, html, nothing, unsafeCSS, type PropertyDeclarations, type TemplateResult } from "lit";
import { ask, Failure, newKey, type Access } from "./client";
import type { GuidelinesQuery, TrustedDocument } from "./generated";
import { identityOf, type TokenProvider } from "./identity";
import sheet from "./element.css";
import type { Second } from "./kit";
import { follow } from "./live";
import { textsOf, type Key, type Texts } from "./texts";

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

/** One intention of the customer's, which is sent under one key until the API has answered it. */
class Intention {
  private _key = newKey();
  private _of = "";

  /** The key for this input; for another one, another key. */
  keyFor(input: unknown): string {
    const of = JSON.stringify(input);
    if (of !== this._of) [this._of, this._key] = [of, newKey()];
    return this._key;
  }

  /** It was answered. */
  done(): void {
    this._of = "";
  }
}

export abstract class PointbookElement<Data> extends LitElement {
  static override styles = unsafeCSS(sheet);
  static override properties: PropertyDeclarations = {
    api: {},
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
  /** Shown by whoever wants to join. */
  declare _form: Second["_joinForm"] | null;
  /** The programme's conditions, once they were asked for. */
  declare _terms: GuidelinesQuery["guidelines"]["sections"] | undefined;
  private _intention = new Intention();
  private _request: AbortController | null = null;
  private _unfollow: (() => void) | null = null;
  private _waiting = 0;

  /** Asks the API for all that the element shows. */
  protected abstract _load(signal: AbortSignal): Promise<Data | null>;
  protected abstract _show(data: Data): View;

  /** Asks again, also who the customer is, and so do all: for a page that signs them in without being loaded again. */
  refresh(): Promise<void> {
    this._access.identity.forget();
    this._emit("changed", { customer: true });
    return this._reload();
  }

  override connectedCallback(): void {
    const wrapper = this.parentElement;
    if (!this.hasUpdated && wrapper?.className === "pointbook") {
      this.style.minHeight = wrapper.clientHeight + "px"; // the snippet's text made room: nothing moves
    }
    super.connectedCallback();
    addEventListener("pointbook:changed", this._onChanged);
    document.addEventListener("visibilitychange", this._onSeen);
    if (this.hasUpdated) void this._reload();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("pointbook:changed", this._onChanged);
    document.removeEventListener("visibilitychange", this._onSeen);
    this._request?.abort();
    this._follow(false);
  }

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
    if (this.hasUpdated && ![...changed.keys()].some((name) => !declared.get(name)?.state)) return;
    clearTimeout(this._waiting);
    this._waiting = window.setTimeout(() => void this._reload(), this._request ? QUIET : 0);
  }

  protected override render(): View {
    if (this._data) return html`${this._show(this._data)}<p class="aside" role="status">${this._said}</p>`;
    return this._failed ? this._showFailure() : html`<slot></slot>`;
  }

  /** A page that cannot reach Pointbook stays whole. */
  protected _showFailure(): View {
    return nothing;
  }

  protected async _reload(): Promise<void> {
    clearTimeout(this._waiting);
    this._request?.abort();
    const request = (this._request = new AbortController());
    try {
      const data = await this._load(request.signal);
      if (request.signal.aborted) return; // only the newest answer counts
      this._data = data;
      this._failed = !data;
      this._emit("loaded", {});
    } catch (failure) {
      if (request.signal.aborted) return;
      this._failed = true;
      this._data = this._kept();
      this._emitError(failure);
    }
  }

  /** What is shown on when asking again has failed. */
  protected _kept(): Data | null {
    return null;
  }

  get _access(): Access {
    return {
      api: (this.api ?? HERE).replace(/\/$/, ""),
      key: this.apiKey ?? "",
      identity: identityOf(this.tokenProvider ?? null, this.tokenUrl ?? null, this.token || null),
    };
  }

  _ask<Answer, Variables>(
    document: TrustedDocument<Answer, Variables>,
    variables: Variables,
    options: { cached?: boolean; signal?: AbortSignal } = {},
  ): Promise<Answer> {
    return ask(this._access, document, variables, options);
  }

  get _texts(): Texts {
    const tagged = this.closest("[lang]");
    return textsOf(this.lang || tagged?.getAttribute("lang") || navigator.language);
  }

  _emit(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent("pointbook:" + name, { detail, bubbles: true, composed: true }));
  }

  private _onChanged = (event: Event): void => {
    if (event.target !== this) void this._reload();
  };

  /** A page that was out of sight shows what is so now: the machine may have slept. */
  private _onSeen = (): void => {
    if (this._data && !document.hidden) void this._reload();
  };

  /** To be seen and heard. */
  _tell(text: string): void {
    this._note = this._said = text;
  }

  async _copy(code: string): Promise<void> {
    let said: Key = "copied";
    try {
      await navigator.clipboard.writeText(code);
    } catch {
      said = "failed"; // the page may not: one click on the code marks all of it
    }
    this._tell(this._texts.say(said));
  }

  /** Sends what changes something; `read` answers why nothing was changed, or nothing. What is not answered is sent
   *  again under the same key when the customer tries again. */
  async _do<Answer>(
    input: unknown,
    send: (key: string) => Promise<Answer>,
    read: (answer: Answer) => Refusal | null | void,
  ): Promise<void> {
    this._busy = true;
    this._note = "";
    try {
      const refused = read(await send(this._intention.keyFor(input)));
      this._intention.done();
      if (refused) this._tell(this._texts.ofCode("no", refused.code, "noOTHER", { n: refused.minimumPoints ?? 0 }));
      this._emit("changed", {});
      await this._reload();
    } catch (failure) {
      this._tell(this._texts.say("failed"));
      this._emitError(failure);
    }
    this._busy = false;
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

export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
