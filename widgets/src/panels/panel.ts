/** A part of the account that is asked for when it is opened, page by page. */

import { html, nothing } from "lit";
import type { View } from "../element";
import type { PointbookAccount } from "../account";
import type { Key } from "../texts";

export interface Page<Item> {
  readonly nodes: readonly Item[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const AT_ONCE = 5; // pages that are asked for before the customer is asked whether to look on

export abstract class Panel<Item> {
  protected _items: Item[] = [];
  private _cursor: string | null = null;
  private _more = true;
  private _asking = false;
  private _failed = false;
  private _generation = 0;
  private _stale = false;
  private _open = new Set<string>();

  constructor(
    protected readonly _host: PointbookAccount,
    private readonly _empty: Key,
  ) {}

  protected abstract _ask(after: string | null): Promise<Page<Item> | null | undefined>;
  protected abstract _item(item: Item): View;
  /** Above the list. */
  protected _head(): View {
    return nothing;
  }
  /** A part of an item that is open or not, whatever place the item has in the list by now. */
  protected _fold(id: string, title: View, content: View, opened?: () => void): View {
    const toggled = (event: Event) => {
      const { open } = event.target as HTMLDetailsElement;
      if (open === this._open.has(id)) return;
      this._open[open ? "add" : "delete"](id);
      if (open) opened?.();
    };
    return html`<details .open=${this._open.has(id)} @toggle=${toggled}>${title}${content}</details>`;
  }
  protected _shown(): readonly Item[] {
    return this._items;
  }

  /** Whether it may be empty of anything to see, so that there is more to ask for before it is shown. */
  protected _wants(): boolean {
    return this._stale || !this._items.length;
  }

  /** It was opened, or what was read may have changed: that is shown until it is read again. */
  _refresh(): void {
    this._generation++;
    this._cursor = null;
    this._more = this._stale = true;
    this._asking = false;
    void this._next();
  }

  async _next(): Promise<void> {
    if (this._asking) return;
    const generation = this._generation;
    this._asking = true;
    this._failed = false;
    this._host.requestUpdate();
    try {
      for (let pages = 0; pages < AT_ONCE; pages++) {
        const page = await this._ask(this._cursor);
        if (generation !== this._generation) return; // forgotten meanwhile
        this._take(page ?? { nodes: [], pageInfo: { hasNextPage: false, endCursor: null } });
        if (!this._more || !this._wants()) break;
      }
    } catch {
      if (generation !== this._generation) return;
      this._failed = true;
    }
    this._asking = false;
    this._host.requestUpdate();
  }

  /** Whoever works with keys goes on at what is new, since the button may be gone. */
  private _onMore = async (event: Event) => {
    const list = (event.target as Element).closest("[part=content]")!.querySelector("ul");
    const before = list?.children.length ?? 0;
    await this._next();
    await this._host.updateComplete;
    const item = list?.children[before] as HTMLElement | undefined;
    if (!item) return;
    item.tabIndex = -1;
    item.focus();
  };

  _show(): View {
    const { _texts: texts } = this._host;
    const items = this._shown();
    return html`${this._head()}
      ${items.length
        ? html`<ul>${items.map((item) => html`<li part="item">${this._item(item)}</li>`)}</ul>`
        : html`<p part="empty">${texts.say(this._failed ? "failed" : this._asking ? "loading" : this._empty)}</p>`}
      ${this._failed || (this._more && (items.length || !this._asking))
        ? html`<p part="actions"><button part="button" ?disabled=${this._asking} @click=${this._onMore}>
            ${texts.say(this._failed ? "retry" : "more")}
          </button></p>`
        : nothing}`;
  }

  private _take({ nodes, pageInfo }: Page<Item>): void {
    if (this._stale) this._items = [];
    this._stale = false;
    this._items.push(...nodes);
    this._cursor = pageInfo.endCursor;
    this._more = pageInfo.hasNextPage;
  }
}
