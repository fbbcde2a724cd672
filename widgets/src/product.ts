/** <pointbook-product>: the points for this item, or for booking this service, as its page shows them. */

import { html, nothing, type PropertyDeclarations } from "lit";
import { link, PointbookElement, type View } from "./element";
import { ProductPoints, ServicePoints, type ProductInput } from "./generated";
import { found } from "./shop_field";

interface Points {
  readonly standardText: string | null;
  readonly extraText: string | null;
  readonly signUpPoints: number | null;
}

export class PointbookProduct extends PointbookElement<Points> {
  static override properties: PropertyDeclarations = {
    article: {},
    price: {},
    quantity: {},
    netPrice: { attribute: "net-price" },
    variation: {},
    groups: {},
    kind: {},
    toppingGroup: { attribute: "topping-group" },
    service: {},
    participants: {},
    store: {},
    entryChannel: { attribute: "entry-channel" },
    exitChannel: { attribute: "exit-channel" },
    quantityFrom: { attribute: "quantity-from" },
    joinUrl: { attribute: "join-url" },
  };

  declare article: string | null;
  declare price: string | null;
  declare quantity: string | null;
  declare netPrice: string | null;
  declare variation: string | null;
  /** Ids of product groups, separated by commas. */
  declare groups: string | null;
  declare kind: ProductInput["kind"] | null;
  declare toppingGroup: string | null;
  /** For a booking site: the id of a service or class, instead of an article. */
  declare service: string | null;
  declare participants: string | null;
  declare store: string | null;
  declare entryChannel: string | null;
  declare exitChannel: string | null;
  /** CSS selector of the page's own field for the quantity, or for the participants of a booking. */
  declare quantityFrom: string | null;
  declare joinUrl: string | null;

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("input", this._onInput);
    document.addEventListener("change", this._onInput);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("input", this._onInput);
    document.removeEventListener("change", this._onInput);
  }

  protected override async _load(signal: AbortSignal): Promise<Points | null> {
    const { service, store, entryChannel, exitChannel } = this;
    const locale = this._texts.tag;
    const number = this._typed() ?? this.quantity ?? "1";
    const options = { cached: true, signal };
    if (service) {
      const participants = +(this._typed() ?? this.participants ?? 1);
      const { servicePoints } = await this._ask(
        ServicePoints,
        { service, participants, store, entryChannel, locale },
        options,
      );
      return "text" in servicePoints ? servicePoints : null;
    }
    const product: ProductInput = {
      articleId: this.article ?? "",
      price: this.price ?? "0",
      quantity: number,
      netPrice: this.netPrice,
      variationId: this.variation,
      productGroupIds: this.groups?.split(",").map((group) => group.trim()) ?? null,
      kind: this.kind,
      toppingGroupId: this.toppingGroup,
    };
    const { productPoints } = await this._ask(
      ProductPoints,
      { product, store, entryChannel, exitChannel, locale },
      options,
    );
    return "text" in productPoints ? productPoints : null;
  }

  protected override _show({ standardText, extraText, signUpPoints }: Points): View {
    const { _texts: texts, joinUrl } = this;
    const offer = signUpPoints ? texts.say("joinOffer", { n: signUpPoints }) : "";
    return html`${standardText || extraText
      ? html`<p part="points">
          ${standardText ? html`<span part="standard">${standardText}</span>` : nothing}
          ${extraText ? html`<span part="extra">${extraText}</span>` : nothing}
        </p>`
      : nothing}${offer
      ? html`<p part="offer" lang=${texts.language}>${link(joinUrl, offer)}</p>`
      : nothing}`;
  }

  private _field(): HTMLInputElement | null {
    return found(this.quantityFrom);
  }

  /** What the customer has put into the page's own field. */
  private _typed(): string | null {
    const value = this._field()?.value;
    return value && +value > 0 ? value : null;
  }

  private _onInput = (event: Event): void => {
    if (this.quantityFrom && event.target === this._field()) this.requestUpdate("quantityFrom");
  };
}
