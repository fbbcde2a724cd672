/** What the member has got for points: gift cards with their codes, and exchange orders. */

import { html, nothing, svg } from "lit";
import type { PointbookAccount } from "../account";
import type { View } from "../element";
import { ExchangeOrders, MyGiftCards, type ExchangeOrdersQuery, type MyGiftCardsQuery } from "../generated";
import { Panel, type Page } from "./panel";

type Card = NonNullable<MyGiftCardsQuery["me"]>["giftCards"]["nodes"][number];
type Order = NonNullable<ExchangeOrdersQuery["me"]>["exchangeOrders"]["nodes"][number];

export class CardsPanel extends Panel<Card> {
  constructor(host: PointbookAccount) {
    super(host, "nothingYet");
  }

  protected override async _ask(after: string | null): Promise<Page<Card> | undefined> {
    return (await this._host._ask(MyGiftCards, { locale: this._host._texts.tag, after })).me?.giftCards;
  }

  protected override _item({ card, name, code, qrCode, pagePath, recipient, deliverAt, deliveredAt }: Card): View {
    const { _texts: texts, _access: access } = this._host;
    const usable = card.state === "ISSUED" || card.state === "PARTLY_USED";
    return html`<p part="row">
        <span>${name}<small>${
          card.state === "ISSUED" && card.expiresAt
            ? texts.say("validUntil", { day: texts.date(lastMoment(card.expiresAt)) })
            : texts.ofCode("g", card.state, "other")
        }${recipient?.name ? " · " + texts.say("for", { name: recipient.name }) : ""}${
          deliverAt > card.issuedAt && !deliveredAt ? " · " + texts.say("sentOn", { day: texts.date(deliverAt) }) : ""
        }</small></span>
        <b>${texts.money(card.balance)}</b>
      </p>
      ${usable
        ? html`<p part="code"><code translate="no">${code}</code>
              <button part="button" @click=${() => this._host._copy(code)}>${texts.say("copy")}</button></p>
            ${this._fold(code, html`<summary>${texts.say("qrCode")}</summary>`, qr(qrCode, texts.say("qrCode")))}
            <p><a part="link" href=${access._api + pagePath} target="_blank" rel="noopener noreferrer">${texts.say("print")}</a></p>`
        : nothing}`;
  }
}

export class OrdersPanel extends Panel<Order> {
  constructor(host: PointbookAccount) {
    super(host, "nothingYet");
  }

  protected override async _ask(after: string | null): Promise<Page<Order> | undefined> {
    return (await this._host._ask(ExchangeOrders, { locale: this._host._texts.tag, after })).me?.exchangeOrders;
  }

  protected override _item({ lines, state, placedAt, exchangedAt, cancelledAt, points, fee }: Order): View {
    const { _texts: texts } = this._host;
    return html`<p part="row">
      <span>${lines.map(({ name, quantity }) => `${texts.number(quantity)} × ${name}`).join(", ")}<small>${
        texts.ofCode("o", state, "other", { day: texts.date(exchangedAt ?? cancelledAt ?? placedAt) })
      }</small></span>
      <b>${texts.number(points)}${+fee.amount ? html`<small>+ ${texts.money(fee)}</small>` : nothing}</b>
    </p>`;
  }
}

/** From `end` on, the end of a day, it is good no more. */
function lastMoment(end: string): string {
  return new Date(Date.parse(end) - 1).toISOString();
}

/** The dark modules of the API's drawing, drawn anew: its text is never taken as markup. */
function qr(drawing: string, label: string): View {
  const box = /viewBox="([\d ]+)"/.exec(drawing)?.[1];
  const path = /stroke="#000" d="([^"]+)"/.exec(drawing)?.[1];
  if (!box || !path) return nothing;
  return html`<svg part="qr" role="img" aria-label=${label} viewBox=${box}>${svg`<path fill="#fff" d="M0 0h99v99H0z" /><path stroke="#000" d=${path} />`}</svg>`;
}
