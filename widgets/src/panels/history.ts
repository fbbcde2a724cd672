/** What happened to the points, and why points were granted. */

import { html, nothing } from "lit";
import type { PointbookAccount } from "../account";
import type { View } from "../element";
import { Explain, History, type ExplainQuery, type HistoryQuery } from "../generated";
import { Panel, type Page } from "./panel";
import type { Key } from "../texts";

type Item = NonNullable<HistoryQuery["me"]>["history"]["nodes"][number];
type Filter = "all" | "plus" | "minus";

const FILTERS: readonly Filter[] = ["all", "plus", "minus"];
const EXPLAINED = ["order", "booking", "sign_up"];

export class HistoryPanel extends Panel<Item> {
  private _filter: Filter = "all";
  private _reasons = new Map<string, ExplainQuery["explain"]>();

  constructor(host: PointbookAccount) {
    super(host, "nothingYet");
  }

  protected override async _ask(after: string | null): Promise<Page<Item> | undefined> {
    return (await this._host._ask(History, { after })).me?.history;
  }

  protected override _shown(): readonly Item[] {
    const { _filter: filter } = this;
    return this._items.filter(({ points }) => filter === "all" || (filter === "plus" ? points > 0 : points < 0));
  }

  protected override _wants(): boolean {
    return super._wants() || !this._shown().length;
  }

  protected override _head(): View {
    const { _texts: texts } = this._host;
    return html`<p part="filter" role="group" aria-label=${texts.say("show")}>
      ${FILTERS.map(
        (filter) => html`<button part="button" aria-pressed=${filter === this._filter} @click=${() => this._choose(filter)}>
          ${texts.say(filter)}
        </button>`,
      )}
    </p>`;
  }

  protected override _item(item: Item): View {
    const { _texts: texts } = this._host;
    const moved = item.points || item.held;
    const source = item.description || this._source(item);
    const explained = item.kind === "ACCRUAL" && EXPLAINED.includes(item.sourceType!);
    const reason = this._reasons.get(item.id);
    const what = texts.ofCode("k", item.kind, "other");
    const times = (factor: string) => "×\u00a0" + texts.number(+factor);
    return html`<p part="row">
        <span>${what}${source ? html`<small>${source}</small>` : nothing}
          <small><time datetime=${item.at}>${texts.date(item.at)}</time></small></span>
        <b part=${item.points > 0 ? "plus" : item.points ? "minus" : "aside-points"}>${
          item.points ? texts.number(moved, { signDisplay: "exceptZero" }) : `(${texts.number(Math.abs(moved))})`
        }</b>
      </p>
      ${explained
        ? this._fold(
            item.id,
            html`<summary aria-label=${`${texts.say("why")} ${source || what}, ${texts.number(item.points)}`}>${texts.say("why")}</summary>`,
            reason
              ? html`<ul>${reason.rules.filter(({ verdict }) => verdict !== "INERT").map(
                  (rule) => html`<li part="row">
                    <span>${rule.label}${rule.factor && rule.points ? html` <small>${times(rule.factor)}</small>` : nothing}${rule.lostTo ? html`<small>${texts.say("lostTo", { rule: rule.lostTo.label })}</small>` : nothing}</span>
                    <b>${rule.factor && !rule.points ? times(rule.factor) : texts.number(rule.points)}</b>
                  </li>`,
                )}</ul>`
              : html`<p>${texts.say(reason === null ? "noReason" : "loading")}</p>`,
            () => void this._explain(item.id),
          )
        : nothing}`;
  }

  private _source({ sourceType, sourceId, kind }: Item): string {
    if (!sourceType || !sourceId || kind === "ADJUST") return "";
    const key = "s_" + sourceType;
    const { _texts: texts } = this._host;
    return texts.knows(key) ? texts.say(key as Key, { id: sourceId }) : "";
  }

  private _choose(filter: Filter): void {
    this._filter = filter;
    if (this._wants()) void this._next();
    this._host.requestUpdate();
  }

  private async _explain(entry: string): Promise<void> {
    if (this._reasons.has(entry)) return;
    const locale = this._host._texts.tag;
    try {
      this._reasons.set(entry, (await this._host._ask(Explain, { entry, locale })).explain);
      this._host.requestUpdate();
    } catch {
      this._host._tell(this._host._texts.say("failed"));
    }
  }
}
