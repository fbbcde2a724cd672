/** What may be had for points: gift cards and products. */

import { html, nothing } from "lit";
import type { PointbookAccount } from "../account";
import type { Refusal, View } from "../element";
import {
  BuyGiftCard,
  ExchangeItems,
  GiftCards,
  PlaceExchangeOrder,
  type ExchangeItemsQuery,
  type GiftCardsQuery,
} from "../generated";
import { given, point, submit } from "./forms";
import { Panel, type Page } from "./panel";

type Card = GiftCardsQuery["giftCards"]["nodes"][number];
type Product = ExchangeItemsQuery["exchangeItems"]["nodes"][number];
type Offer = Card | Product;

const DAYS = 366; // within which a card may be delivered

abstract class OffersPanel<Item extends Offer> extends Panel<Item> {
  private _chosen: string | null = null;
  /** Addresses of pictures that are not there, or that the page does not allow. */
  private _missing = new Set<string>();

  protected abstract _fields(item: Item): View;
  protected abstract _buy(item: Item, form: HTMLFormElement): void;
  protected _note(_item: Item): string {
    return "";
  }

  protected override _item(item: Item): View {
    const { _texts: texts, _mayRedeem: mayRedeem, _busy: busy } = this._host;
    const soldOut = "inStock" in item && !item.inStock;
    const n = item.pricePoints;
    const note = this._note(item);
    const chosen = this._chosen === item.sku;
    return html`<p part="row">
        ${this._picture(item)}
        <span>${item.name}${item.description ? html`<small>${item.description}</small>` : nothing}${note ? html`<small>${note}</small>` : nothing}</span>
        <button part="button" aria-expanded=${chosen} ?disabled=${!item.affordable || soldOut || !mayRedeem}
          @click=${() => this._choose(chosen ? null : item.sku)}>${texts.say("byPoints", { n })}</button>
      </p>
      ${soldOut
        ? html`<p part="missing">${texts.say("noSOLD_OUT")}</p>`
        : item.missingPoints
          ? html`<p part="missing">${texts.say("missing", { n: item.missingPoints })}</p>`
          : nothing}
      ${chosen
        ? html`<form @submit=${(event: Event) => this._onSubmit(event, item)}>
            <fieldset ?disabled=${busy}>${this._fields(item)}</fieldset>
            <p part="actions">
              <button part="button primary" ?disabled=${busy}>${texts.say("confirm", { n })}</button>
              <button part="button" type="button" @click=${() => this._choose(null)}>${texts.say("back")}</button>
            </p>
          </form>`
        : nothing}`;
  }

  private _picture({ imageUrl, name }: Item): View {
    if (!imageUrl?.startsWith("https://") || this._missing.has(imageUrl)) return nothing;
    const fail = () => {
      this._missing.add(imageUrl);
      this._host.requestUpdate();
    };
    return html`<img part="picture" src=${imageUrl} alt=${name} loading="lazy" decoding="async" @error=${fail} />`;
  }

  private _choose(sku: string | null): void {
    this._chosen = sku;
    this._host.requestUpdate();
  }

  private _onSubmit(event: Event, item: Item): void {
    event.preventDefault();
    this._buy(item, event.target as HTMLFormElement);
  }

  protected _read(answer: object | Refusal): Refusal | null {
    if ("code" in answer) return answer;
    this._chosen = null;
    this._host._tell(this._host._texts.say("bought"));
    return null;
  }
}

export class GiftCardOffers extends OffersPanel<Card> {
  /** Where the programme is. */
  private _today = "";

  constructor(host: PointbookAccount) {
    super(host, "noOffers");
  }

  protected override async _ask(after: string | null): Promise<Page<Card>> {
    const { giftCards, programme } = await this._host._ask(GiftCards, { locale: this._host._texts.tag, after });
    this._today = programme.today;
    return giftCards;
  }

  protected override _fields({ validityDays }: Card): View {
    const { _texts: texts } = this._host;
    const today = this._today;
    const last = new Date(today);
    last.setUTCDate(last.getUTCDate() + Math.min(validityDays ?? DAYS, DAYS));
    return html`<label><span>${texts.say("sendTo")}</span>
        <input name="email" type="email" maxlength="254" autocomplete="off" /></label>
      <label><span>${texts.say("name")}</span><input name="name" maxlength="100" autocomplete="off" /></label>
      <label><span>${texts.say("message")}</span><textarea name="message" maxlength="500" rows="2"></textarea></label>
      <label><span>${texts.say("deliverOn")}</span>
        <input name="deliverOn" type="date" min=${today} max=${last.toISOString().slice(0, 10)} /></label>`;
  }

  protected override _buy({ sku, pricePoints, faceValue }: Card, form: HTMLFormElement): void {
    const { _host: host } = this;
    const value = given(form);
    const email = value("email");
    const further = { name: value("name"), message: value("message"), deliverOn: value("deliverOn") };
    if (!email && Object.values(further).some(Boolean)) return point(host, form, "email"); // else they would be lost
    const input = { sku, pricePoints, faceValue, recipient: email ? { email, ...further } : null };
    const send = (idempotencyKey: string) => host._ask(BuyGiftCard, { input: { ...input, idempotencyKey } });
    void submit(host, form, input, send, ({ buyGiftCard: answer }) => this._read(answer));
  }
}

export class ProductOffers extends OffersPanel<Product> {
  constructor(host: PointbookAccount) {
    super(host, "noOffers");
  }

  protected override async _ask(after: string | null): Promise<Page<Product>> {
    return (await this._host._ask(ExchangeItems, { locale: this._host._texts.tag, after })).exchangeItems;
  }

  protected override _note({ fee }: Product): string {
    return +fee.amount ? this._host._texts.say("fee", { value: this._host._texts.money(fee) }) : "";
  }

  protected override _fields({ maxPerOrder }: Product): View {
    const { _texts: texts } = this._host;
    return html`<label><span>${texts.say("quantity")}</span>
        <input name="quantity" type="number" min="1" max=${maxPerOrder ?? 1000} step="1" value="1" required /></label>
      <label><span>${texts.say("deliveryNote")}</span><textarea name="deliveryNote" maxlength="1000" rows="2"></textarea></label>`;
  }

  protected override _buy({ sku, pricePoints, fee }: Product, form: HTMLFormElement): void {
    const { _host: host } = this;
    const value = given(form);
    const line = { sku, pricePoints, fee: fee.amount, quantity: +value("quantity")! };
    const input = { lines: [line], deliveryNote: value("deliveryNote") };
    const send = (idempotencyKey: string) => host._ask(PlaceExchangeOrder, { input: { ...input, idempotencyKey } });
    void submit(host, form, input, send, ({ placeExchangeOrder: answer }) => this._read(answer));
  }
}
