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
import type { Money } from "../texts";
import { given, point, submit } from "./forms";
import { Panel, type Page } from "./panel";

type Card = GiftCardsQuery["giftCards"]["nodes"][number];
type Product = ExchangeItemsQuery["exchangeItems"]["nodes"][number];
type Offer = Card | Product;

const DAYS = 366; // within which a card may be delivered
const ONE = "1";

abstract class OffersPanel<Item extends Offer> extends Panel<Item> {
  private _chosen: string | null = null;
  /** Of what is chosen, as it stands in its field. */
  protected _quantity = ONE;
  /** Addresses of pictures that are not there, or that the page does not allow. */
  private _missing = new Set<string>();

  protected abstract _fields(item: Item): View;
  protected abstract _buy(item: Item, form: HTMLFormElement): void;
  protected _note(_item: Item): string {
    return "";
  }
  /** What so many pieces cost besides points. */
  protected _fee(_item: Item, _pieces: number): string {
    return "";
  }

  protected override _item(item: Item): View {
    const { _texts: texts, _member: member, _busy: busy } = this._host;
    const soldOut = "inStock" in item && !item.inStock;
    const chosen = this._chosen === item.sku;
    const pieces = chosen ? Math.max(1, Math.trunc(+this._quantity)) : 1;
    const { pricePoints } = item;
    const lacks = (points: number) => Math.max(0, points - (member?.balance.spendable ?? 0));
    const closed = soldOut || member?.state !== "ACTIVE" || member.redemptionLocked;
    const missing = lacks(pieces * pricePoints);
    const note = this._note(item);
    return html`<p part="row">
        ${this._picture(item)}
        <span>${item.name}${item.description ? html`<small>${item.description}</small>` : nothing}${note ? html`<small>${note}</small>` : nothing}</span>
        <button part="button" aria-expanded=${chosen} aria-label=${`${texts.say("byPoints", { n: pricePoints })}: ${item.name}`} ?disabled=${closed || lacks(pricePoints)}
          @click=${() => this._choose(chosen ? null : item.sku)}>${texts.say("byPoints", { n: pricePoints })}</button>
      </p>
      ${soldOut
        ? html`<p part="missing">${texts.say("noSOLD_OUT")}</p>`
        : missing
          ? html`<p part="missing">${texts.say("missing", { n: missing })}</p>`
          : nothing}
      ${chosen
        ? html`<form @submit=${(event: Event) => this._onSubmit(event, item)}>
            <fieldset ?disabled=${busy}>${this._fields(item)}</fieldset>
            <p part="actions">
              <button part="button primary" ?disabled=${busy || closed || missing}>
                ${[texts.say("confirm", { n: pieces * pricePoints }), this._fee(item, pieces)].join(" ").trim()}
              </button>
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
    this._quantity = ONE;
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

  protected override _note(item: Product): string {
    return this._fee(item, 1);
  }

  protected override _fee({ fee }: Product, pieces: number): string {
    const { _texts: texts } = this._host;
    return +fee.amount ? texts.say("fee", { value: texts.money(times(fee, pieces)) }) : "";
  }

  protected override _fields({ maxPerOrder }: Product): View {
    const { _texts: texts } = this._host;
    const typed = (event: Event) => {
      this._quantity = (event.target as HTMLInputElement).value;
      this._host.requestUpdate();
    };
    return html`<label><span>${texts.say("quantity")}</span>
        <input name="quantity" type="number" min="1" max=${maxPerOrder ?? 1000} step="1" .value=${this._quantity} required @input=${typed} /></label>
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

/** To the cent: no digit goes through a float. */
function times({ amount, currency }: Money, pieces: number): Money {
  const places = (amount.split(".")[1] ?? "").length;
  const digits = `${BigInt(amount.replace(".", "")) * BigInt(pieces)}`.padStart(places + 1, "0");
  const whole = digits.length - places;
  return { amount: digits.slice(0, whole) + (places ? "." + digits.slice(whole) : ""), currency };
}
