/** <pointbook-checkout>: pay the cart with points, or part of it; the voucher code, and how long it is good for. */

import { html, nothing, type PropertyDeclarations } from "lit";
import { Failure } from "./client";
import { Countdown } from "./countdown";
import { link, PointbookElement, type View } from "./element";
import {
  CancelRedemption,
  Checkout,
  CheckoutOfAGuest,
  ExtendRedemption,
  RedeemPoints,
  RedemptionQuote,
  type CartInput,
  type CheckoutQuery,
  type EarnCartInput,
  type RedeemPointsMutation,
} from "./generated";
import { joinOffer, mayJoin } from "./joining";
import { found, put } from "./shop_field";
import type { Money } from "./texts";

/** What the page tells of its cart: `lines` as for `earnQuote`, without them the total counts as one line. */
export interface ShopCart extends Partial<Omit<EarnCartInput, "shopVouchers">> {
  id: string;
  total: string | number;
  currency: string;
  /** Codes, or vouchers with what they took off. */
  shopVouchers?: (string | NonNullable<EarnCartInput["shopVouchers"]>[number])[];
  voucherCode?: string | null;
}

type Member = NonNullable<CheckoutQuery["me"]>;
type Hold = Member["holds"][number];
type Choice = "KEEP" | "FULL" | "PARTIAL";
/** Why a code that was shown is void, or not this cart's any more, if no other one takes its place. */
type Why = "cancelled" | "lapsed" | "gone";

interface Quoted {
  readonly programme: CheckoutQuery["programme"];
  /** Not asked for, for a guest. */
  readonly me?: Member | null;
  readonly earnQuote: { readonly __typename?: string; readonly points?: number; readonly signUpPoints?: number | null };
  readonly redemptionQuote?: CheckoutQuery["redemptionQuote"] | null;
}

interface Shown extends Quoted {
  /** For which this is. */
  readonly cart: ShopCart;
}

type Answered = Extract<RedeemPointsMutation["redeemPoints"], { redemption: object }>["redemption"];

const MOST = 30_000; // characters of a cart; the API takes 100 KB, and some characters are three bytes

/** Of a page's cart, beside what is to be paid; a shop's cart may have more in it. */
const TOLD = [
  ...(["store", "entryChannel", "exitChannel", "placedAt"] as const),
  ...(["discounts", "minimumOrderSurcharge", "deliveryFee"] as const),
];

export class PointbookCheckout extends PointbookElement<Shown> {
  static override properties: PropertyDeclarations = {
    cart: { converter: { fromAttribute: readCart } },
    applyTo: { attribute: "apply-to" },
    applyButton: { attribute: "apply-button" },
    loginUrl: { attribute: "login-url" },
    _choice: { state: true },
    _points: { state: true },
    _worth: { state: true },
    _changing: { state: true },
    _left: { state: true },
  };

  declare cart: ShopCart | null;
  /** CSS selectors of the shop's own voucher field, and of the button beside it. */
  declare applyTo: string | null;
  declare applyButton: string | null;
  declare loginUrl: string | null;

  private declare _choice: Choice;
  /** As it was typed. */
  private declare _points: string;
  private declare _worth: Money | null;
  private declare _changing: boolean;
  private declare _left: number;
  private _hold: Hold | null = null;
  /** For which cart the customer has asked for a hold and knows of none yet: the answer may be on its way, or lost. */
  private _wanted: string | null = null;
  /** The shop's field that has got the code; its button is pressed once, if the customer has asked for the hold here. */
  private _filled: HTMLInputElement | null = null;
  /** The code that was put there, as the shop's field writes it. */
  private _put = "";
  private _press = false;
  private _typing = 0;
  private _countdown = new Countdown((left, told) => this._onTick(left, told));

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this._countdown.stop();
  }

  protected override async _load(signal: AbortSignal, signedIn: boolean): Promise<Shown | null> {
    const { cart } = this;
    if (cart !== this._data?.cart) this._worth = null;
    if (!cart) {
      this._take(null, 0);
      return null;
    }
    let redeemed: string | null = null;
    let plain = JSON.stringify(cart).length > MOST;
    for (;;) {
      const earn = earnings(cart, redeemed, plain);
      const asked = performance.now();
      let data: Quoted;
      try {
        data = await (signedIn
          ? this._ask(Checkout, { cart: payable(cart), cartId: cart.id, earn }, { signal })
          : this._ask(CheckoutOfAGuest, { earn }, { signal }));
      } catch (failure) {
        if (plain || !/^(INVALID|BODY)_/.test((failure as Failure).code)) throw failure;
        plain = true; // what the page tells of its lines is wrong: it can be paid all the same
        continue;
      }
      const hold: Hold | null = data.me?.holds[0] ?? null;
      if (!hold || redeemed === hold.value.amount) {
        if (!this._sent) this._take(hold, asked); // else what is being done tells more
        this._follow(!!data.me);
        return { ...data, earnQuote: plain ? { ...data.earnQuote, points: 0 } : data.earnQuote, cart };
      }
      redeemed = hold.value.amount; // what the cart earns depends on what points pay of it
    }
  }

  protected override _clear(): void {
    this._take(null, 0, "gone");
    super._clear();
    this._wanted = null;
    this._choice = "KEEP";
  }

  /** The customer may need the code that is shown; what was said of another cart is not so of this one. */
  protected override _kept(): Shown | null {
    const { _data: data, _hold: hold } = this;
    if (hold && this._countdown.over && !this._note) this._tell(this._texts.say("lapsed")); // as far as anybody knows
    if (!data || data.cart === this.cart) return data;
    return hold && { ...data, earnQuote: {}, redemptionQuote: null };
  }

  protected override _show(data: Shown): View {
    const texts = this._texts;
    const { me, earnQuote, programme } = data;
    if (!me && !mayJoin(programme)) return nothing;
    const earns = earnQuote.points;
    return html`<section part="card" lang=${texts.language} aria-label=${texts.say("points")}>
      <h2 part="head">${me ? texts.say("balance", { n: me.balance.spendable, value: texts.money(me.balance.value) }) : texts.say("payWithPoints")}</h2>
      ${earns ? html`<p part="earns">${texts.say("cartEarns", { n: earns })}</p>` : nothing}
      ${me ? this._showMember(data, me) : this._showStranger(data)}
      ${this._note ? html`<p part="note">${this._note}</p>` : nothing}
    </section>`;
  }

  private _showStranger({ me, earnQuote }: Shown): View {
    const points = earnQuote.signUpPoints ?? 0;
    if (me === null) {
      return joinOffer(this, points);
    }
    const text = this._texts.say(points ? "signInOrJoin" : "signIn", { n: points });
    return html`<p>${link(this.loginUrl, text)}</p>`;
  }

  private _showMember(data: Shown, me: Member): View {
    const { _texts: texts, _hold: hold } = this;
    const quote = data.redemptionQuote;
    const free = quote?.__typename === "RedemptionQuote";
    if (hold && !(this._changing && free)) return this._showHold(hold, data, free);
    if (me.balance.debt) return html`<p>${texts.say("debt", { n: me.balance.debt })}</p>`;
    if (!data.programme.maximumShareOfCart) return nothing; // here points buy products or gift cards
    if (free) return this._showChoice(data, quote);
    if (!quote) return nothing;
    const least = "minimumPoints" in quote ? quote.minimumPoints : null;
    // without a minimum it is the value of a point that counts, if there is one
    const why = least !== 0 ? quote.code : me.balance.spendable ? "CART_TOO_SMALL" : "INSUFFICIENT_POINTS";
    return html`<p>${texts.ofCode("no", why, "noOTHER", { n: least ?? 0 })}</p>`;
  }

  private _showChoice(data: Shown, quote: { points: number; value: Money; remainingToPay: Money }): View {
    const { _texts: texts, _choice: choice = "KEEP" } = this;
    const cents = +quote.value.amount.replace(".", "");
    const least = Math.max(data.programme.minimumRedemptionPoints, Math.ceil(quote.points / cents)); // that are worth one
    const option = (value: Choice, label: unknown) => html`<label part="option">
      <input type="radio" name="choice" .value=${value} .checked=${choice === value} @change=${() => this._choose(value)} />
      <span>${label}</span>
    </label>`;
    const left = texts.money(quote.remainingToPay);
    return html`<form @submit=${this._onSubmit}>
      <fieldset ?disabled=${this._busy}>
        <legend class="aside">${texts.say("payWithPoints")}</legend>
        ${option("KEEP", texts.say("keepCollecting"))}
        ${option("FULL", texts.say("useAll", { n: quote.points, value: texts.money(quote.value), left }))}
        ${quote.points > least ? option("PARTIAL", texts.say("usePart")) : nothing}
        ${choice === "PARTIAL"
          ? html`<p part="amount">
              <label>
                <span class="aside">${texts.say("howMany")}</span>
                <input id="points" type="number" inputmode="numeric" required step="1" min=${least} max=${quote.points}
                  aria-describedby="worth" .value=${this._points ?? ""} @input=${this._onTyped} />
              </label>
              <span id="worth" aria-live="polite">
                ${this._worth ? "= " + texts.money(this._worth) : texts.say("limits", { least, n: quote.points })}
              </span>
            </p>`
          : nothing}
      </fieldset>
      <p part="actions">
        <button part="button primary" ?disabled=${this._busy || choice === "KEEP"}>${texts.say("apply")}</button>
        ${this._changing
          ? html`<button part="button" type="button" @click=${() => this._step(() => (this._changing = false))}>${texts.say("back")}</button>`
          : nothing}
      </p>
    </form>`;
  }

  private _showHold(hold: Hold, { cart, programme }: Shown, free: boolean): View {
    const texts = this._texts;
    const { amount, currency } = hold.value;
    const toPay = { amount: `${Math.max(0, +cart.total - +amount)}`, currency };
    const left = Math.max(this._left, 0);
    const clock = `${Math.floor(left / 60)}:${`${left % 60}`.padStart(2, "0")}`;
    return html`<p>${texts.say("held", { n: hold.points, value: texts.money(hold.value), left: texts.money(toPay) })}</p>
      <p part="code"><code translate="no">${hold.voucherCode}</code>
        <button part="button" @click=${() => this._copy(hold.voucherCode)}>${texts.say("copy")}</button></p>
      <p part="time">${texts.say("goodFor")} <strong role="timer" part="clock">${clock}</strong></p>
      <p part="actions">
        ${hold.extensionsLeft
          ? html`<button part="button" ?disabled=${this._busy} @click=${() => this._extend(hold)}>
              ${texts.say("extend", { n: programme.holdMinutes })}
            </button>`
          : nothing}
        ${free
          ? html`<button part="button" ?disabled=${this._busy} @click=${() => this._change(hold)}>${texts.say("change")}</button>`
          : nothing}
        <button part="button" ?disabled=${this._busy} @click=${() => this._cancel(hold)}>${texts.say("cancel")}</button>
      </p>`;
  }

  private _choose(choice: Choice): void {
    this._choice = choice;
    this._wanted = null;
  }

  private _change(hold: Hold): void {
    void this._step(() => {
      this._changing = true;
      this._choice = "PARTIAL";
      this._points = `${hold.points}`;
      this._worth = hold.value;
    });
  }

  private _onTyped = (event: Event): void => {
    const field = event.target as HTMLInputElement;
    this._points = field.value;
    this._worth = null;
    clearTimeout(this._typing);
    if (!field.checkValidity()) return;
    this._typing = window.setTimeout(async () => {
      const points = +field.value;
      try {
        const { redemptionQuote: quote } = await this._ask(RedemptionQuote, { cart: payable(this.cart!), points });
        if (+this._points === points && "value" in quote) this._worth = quote.value;
      } catch {
        // the limits stand there instead
      }
    }, 250);
  };

  private _onSubmit = (event: Event): void => {
    event.preventDefault();
    const full = this._choice === "FULL";
    const input = { mode: full ? "FULL" : "PARTIAL", points: full ? null : +this._points, cart: payable(this.cart!) } as const;
    const asked = performance.now();
    const { id } = input.cart;
    const send = (idempotencyKey: string) =>
      this._ask(RedeemPoints, { input: { ...input, idempotencyKey } }).catch((failure: Failure) => {
        if (failure.code !== "UNREACHABLE") this._wanted = null; // it was answered: there will be no hold
        throw failure;
      });
    this._wanted = id;
    void this._do(input, send, ({ redeemPoints: answer }) => {
      this._wanted = null;
      if (!("redemption" in answer)) return answer;
      const { redemption } = answer;
      if (!redemption.millisecondsLeft) this._tell(this._texts.say("lapsed")); // the first answer was lost
      else if (this.cart?.id === id) this._take(redemption, asked, null, redemption);
      return null;
    });
  };

  private _extend(hold: Hold): void {
    const asked = performance.now();
    const send = (idempotencyKey: string) =>
      this._ask(ExtendRedemption, { input: { redemptionId: hold.id, idempotencyKey } });
    void this._do(["extend", hold.id, hold.extensionsLeft], send, ({ extendRedemption: answer }) => {
      if (!("redemption" in answer)) return answer;
      this._take({ ...hold, ...answer.redemption }, asked);
      this._tellTime(answer.redemption);
      return null;
    });
  }

  private _cancel(hold: Hold): void {
    const send = (idempotencyKey: string) =>
      this._ask(CancelRedemption, { input: { redemptionId: hold.id, idempotencyKey } });
    void this._do(["cancel", hold.id], send, ({ cancelRedemption: answer }) => {
      if (!("redemption" in answer)) return answer;
      this._take(null, 0, "cancelled");
      return null;
    });
  }

  /** Where every hold comes, changes and goes, whoever made or ended it: the countdown, the shop's field and what the
   *  page is told follow from here. `asked` is performance.now() when the answer was asked for: the time left counts
   *  from then, so that it never promises too much. `own`: the answer to what the customer has asked for here. */
  private _take(hold: Hold | null, asked: number, why: Why | null = null, own: Partial<Answered> | null = null): void {
    const former = this._hold;
    const another = former?.id !== hold?.id;
    this._hold = hold;
    if (another) this._keys.clear(); // what was asked for of the former one would be answered as it was then
    if (another || (hold && this._countdown.over)) this._note = this._said = ""; // it was of what was there before
    if (former && another) {
      const ended = why ?? (this._countdown.over ? "lapsed" : "gone");
      const field = found<HTMLInputElement>(this.applyTo);
      if (!hold && field && field.value === this._put) put(field, "");
      if (!hold && this._data?.cart.id === this.cart?.id) this._tell(this._texts.say(ended));
      this._emit("ended", { code: former.voucherCode, why: hold ? "replaced" : ended });
    }
    if (!hold) {
      this._changing = false;
      return this._countdown.stop();
    }
    this._countdown.start(hold.millisecondsLeft, asked);
    if (another && this._wanted === this.cart?.id) own = {}; // its answer was lost
    if (!another && !own) return;
    this._filled = null;
    this._press = !!own;
    this._fill();
    if (!own) return;
    this._wanted = null;
    this._changing = false;
    this._note = "";
    this._tellTime(hold);
    const { voucherCode: code, points, value } = hold;
    this._emit("redeemed", { code, points, value, remainingToPay: own.remainingToPay ?? null });
  }

  /** The code goes into the shop's field once, as soon as there is one: the customer may put something else there. */
  private _fill(): void {
    const field = found<HTMLInputElement>(this.applyTo);
    if (!this._hold || !field || field === this._filled) return;
    this._filled = field;
    const code = this._hold.voucherCode;
    if (this._press || ["", this._put, code].includes(field.value)) {
      put(field, code);
      this._put = field.value;
    }
    if (this._press) found<HTMLElement>(this.applyButton)?.click();
    this._press = false;
  }

  private _tellTime({ millisecondsLeft }: Pick<Hold, "millisecondsLeft">): void {
    this._announce(this._texts.say("heldFor", { n: Math.ceil(millisecondsLeft / 60_000) }));
  }

  /** At the end the API is asked: it may have been put off elsewhere, or this clock is wrong. */
  private _onTick(left: number, told: number): void {
    this._left = left;
    if (left <= 0) void this._reload();
    else if (told) this._announce(this._texts.say("heldFor", { n: told }));
    this._fill();
  }
}

function readCart(text: string | null): ShopCart | null {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

function payable({ id, total, currency, shopVouchers, voucherCode }: ShopCart): CartInput {
  const codes = shopVouchers?.map((voucher) => (typeof voucher === "string" ? voucher : voucher.code)) ?? null;
  return { id, total: `${total}`, currency, shopVouchers: codes, voucherCode: voucherCode ?? null };
}

/** `plain`: without all but what is to be paid. */
function earnings(cart: ShopCart, redeemedValue: string | null, plain: boolean): EarnCartInput {
  const { total, currency, shopVouchers } = cart;
  const lines = [{ id: "-", articleId: "-", quantity: "1", amount: `${total}` }];
  if (plain) return { currency, lines, redeemedValue };
  const told = Object.fromEntries(TOLD.map((name) => [name, cart[name]]));
  const vouchers = shopVouchers?.filter((voucher) => typeof voucher !== "string") ?? null;
  return { ...told, lines: cart.lines ?? lines, currency, redeemedValue, shopVouchers: vouchers };
}
