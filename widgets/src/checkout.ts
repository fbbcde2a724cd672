/** <pointbook-checkout>: pay the cart with points, or part of it; the voucher code, and how long it is good for. */

import { html, nothing, type PropertyDeclarations } from "lit";
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
} from "./generated";
import { joinOffer } from "./joining";
import { clear, fill } from "./shop_field";
import type { Money } from "./texts";

/** What the page tells of its cart: `lines` as for `earnQuote`, without them the total counts as one line. */
export interface ShopCart extends Partial<Omit<EarnCartInput, "shopVouchers">> {
  id: string;
  total: string;
  currency: string;
  /** Codes, or vouchers with what they took off. */
  shopVouchers?: (string | NonNullable<EarnCartInput["shopVouchers"]>[number])[];
  voucherCode?: string | null;
}

type Member = NonNullable<CheckoutQuery["me"]>;
type Hold = Member["holds"][number];
type Choice = "KEEP" | "FULL" | "PARTIAL";

const OVER = 2_000; // milliseconds: a hold with less than that may be over here already, and is not shown again

interface Shown extends Partial<CheckoutQuery> {
  readonly earnQuote: CheckoutQuery["earnQuote"];
}

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
  private _typing = 0;
  private _countdown = new Countdown((left, told) => this._onTick(left, told));

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this._countdown.stop();
  }

  protected override async _load(signal: AbortSignal): Promise<Shown | null> {
    const { cart } = this;
    if (!cart) return null;
    if (!(await this._access.identity.token())) {
      this._count(null, 0); // of who has signed out
      this._follow(false);
      return this._ask(CheckoutOfAGuest, { earn: earnings(cart, null) }, { signal });
    }
    let redeemed: string | null = null;
    for (;;) {
      const asked = Date.now();
      const variables = { cart: payable(cart), cartId: cart.id, earn: earnings(cart, redeemed) };
      const data: CheckoutQuery = await this._ask(Checkout, variables, { signal });
      const hold: Hold | null = data.me?.holds[0] ?? null;
      if (hold && hold.millisecondsLeft < OVER) {
        await new Promise((over) => setTimeout(over, hold.millisecondsLeft));
        continue;
      }
      if (!hold || redeemed === hold.value.amount) {
        if (!signal.aborted) {
          this._count(hold, asked);
          this._follow(!!data.me);
        }
        return data;
      }
      redeemed = hold.value.amount; // what the cart earns depends on what points pay of it
    }
  }

  protected override _kept(): Shown | null {
    return this._data; // the customer may need the code that is shown
  }

  protected override _show(data: Shown): View {
    const texts = this._texts;
    const { me, earnQuote } = data;
    const earns = "points" in earnQuote && earnQuote.points;
    return html`<section part="card" aria-label=${texts.say("points")}>
      <h2 part="head">${me ? texts.say("balance", { n: me.balance.spendable, value: texts.money(me.balance.value) }) : texts.say("payWithPoints")}</h2>
      ${earns ? html`<p part="earns">${texts.say("cartEarns", { n: earns })}</p>` : nothing}
      ${me ? this._showMember(data as CheckoutQuery, me) : this._showStranger(data)}
      ${this._note ? html`<p part="note">${this._note}</p>` : nothing}
    </section>`;
  }

  private _showStranger({ me, earnQuote }: Shown): View {
    const points = "signUpPoints" in earnQuote ? earnQuote.signUpPoints : 0;
    if (me === null) {
      return joinOffer(this, points);
    }
    const text = this._texts.say(points ? "signInOrJoin" : "signIn", { n: points ?? 0 });
    return html`<p>${link(this.loginUrl, text)}</p>`;
  }

  private _showMember(data: CheckoutQuery, me: Member): View {
    const { _texts: texts, _hold: hold } = this;
    const quote = data.redemptionQuote;
    const free = quote.__typename === "RedemptionQuote";
    if (hold && !(this._changing && free)) return this._showHold(hold, data.programme.holdMinutes);
    if (me.balance.debt) return html`<p>${texts.say("debt", { n: me.balance.debt })}</p>`;
    if (free) return this._showChoice(data, quote);
    const least = "minimumPoints" in quote ? quote.minimumPoints : null;
    const why = least === 0 ? "CART_TOO_SMALL" : quote.code; // without a minimum it is the value of a point that counts
    return html`<p>${texts.ofCode("no", why, "noOTHER", { n: least ?? 0 })}</p>`;
  }

  private _showChoice(data: CheckoutQuery, quote: { points: number; value: Money; remainingToPay: Money }): View {
    const { _texts: texts, _choice: choice = "KEEP" } = this;
    const least = Math.max(data.programme.minimumRedemptionPoints, 1);
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
          ? html`<button part="button" type="button" @click=${() => (this._changing = false)}>${texts.say("back")}</button>`
          : nothing}
      </p>
    </form>`;
  }

  private _showHold(hold: Hold, minutes: number): View {
    const texts = this._texts;
    const left = Math.max(this._left, 0);
    const clock = `${Math.floor(left / 60)}:${`${left % 60}`.padStart(2, "0")}`;
    return html`<p>${texts.say("held", { n: hold.points, value: texts.money(hold.value) })}</p>
      <p part="code"><code translate="no">${hold.voucherCode}</code>
        <button part="button" @click=${() => this._copy(hold.voucherCode)}>${texts.say("copy")}</button></p>
      <p part="time">${texts.say("goodFor")} <strong role="timer" part="clock">${clock}</strong></p>
      <p part="actions">
        ${hold.extensionsLeft
          ? html`<button part="button" ?disabled=${this._busy} @click=${() => this._extend(hold)}>
              ${texts.say("extend", { n: minutes })}
            </button>`
          : nothing}
        <button part="button" ?disabled=${this._busy} @click=${() => this._change(hold)}>${texts.say("change")}</button>
        <button part="button" ?disabled=${this._busy} @click=${() => this._cancel(hold)}>${texts.say("cancel")}</button>
      </p>`;
  }

  private _choose(choice: Choice): void {
    this._choice = choice;
    this._note = "";
  }

  private _change(hold: Hold): void {
    this._changing = true;
    this._choice = "PARTIAL";
    this._points = `${hold.points}`;
    this._worth = hold.value;
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
    const asked = Date.now();
    const send = (idempotencyKey: string) => this._ask(RedeemPoints, { input: { ...input, idempotencyKey } });
    void this._do(input, send, ({ redeemPoints: answer }) => {
      if (!("redemption" in answer)) return answer;
      const { redemption } = answer;
      this._changing = false;
      this._count(redemption, asked);
      this._said = this._texts.say("heldFor", { n: Math.ceil(redemption.millisecondsLeft / 60_000) });
      fill(this.applyTo, this.applyButton, redemption.voucherCode);
      const { voucherCode: code, points, value, remainingToPay } = redemption;
      this._emit("redeemed", { code, points, value, remainingToPay });
      return null;
    });
  };

  private _extend(hold: Hold): void {
    const asked = Date.now();
    const send = (idempotencyKey: string) =>
      this._ask(ExtendRedemption, { input: { redemptionId: hold.id, idempotencyKey } });
    void this._do(["extend", hold.id, hold.extensionsLeft], send, ({ extendRedemption: answer }) => {
      if (!("redemption" in answer)) return answer;
      this._count({ ...hold, ...answer.redemption }, asked);
      this._said = this._texts.say("heldFor", { n: Math.ceil(answer.redemption.millisecondsLeft / 60_000) });
      return null;
    });
  }

  private _cancel(hold: Hold): void {
    const send = (idempotencyKey: string) =>
      this._ask(CancelRedemption, { input: { redemptionId: hold.id, idempotencyKey } });
    void this._do(["cancel", hold.id], send, ({ cancelRedemption: answer }) => {
      if (!("redemption" in answer)) return answer;
      this._ended("cancelled");
      return null;
    });
  }

  /** `asked` is when the answer was asked for: the time left counts from then, so that it never promises too much. */
  private _count(hold: Hold | null, asked: number): void {
    const before = this._hold;
    if (before?.id !== hold?.id) {
      if (before) clear(this.applyTo, before.voucherCode);
      if (hold) fill(this.applyTo, null, hold.voucherCode); // once: the customer may put something else there
    }
    this._hold = hold;
    if (hold) this._countdown.start(asked + hold.millisecondsLeft);
    else this._countdown.stop();
  }

  private _onTick(left: number, told: number): void {
    this._left = left;
    if (left <= 0) {
      this._ended("lapsed");
      void this._reload();
    } else if (told) this._said = this._texts.say("heldFor", { n: told });
  }

  private _ended(why: "cancelled" | "lapsed"): void {
    const code = this._hold?.voucherCode;
    this._count(null, 0);
    this._tell(this._texts.say(why));
    this._emit("ended", { code, why });
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
  return { id, total, currency, shopVouchers: codes, voucherCode: voucherCode ?? null };
}

function earnings(cart: ShopCart, redeemedValue: string | null): EarnCartInput {
  const { id: _id, total, voucherCode: _code, shopVouchers, ...rest } = cart;
  const lines = rest.lines ?? [{ id: "-", articleId: "-", quantity: "1", amount: total }];
  const vouchers = shopVouchers?.filter((voucher) => typeof voucher !== "string") ?? null;
  return { ...rest, lines, redeemedValue, shopVouchers: vouchers };
}
