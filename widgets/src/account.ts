/** <pointbook-account>: what a member has, and panels for what happened to it and what may be done with it. */

import { html, nothing, type PropertyDeclarations } from "lit";
import { link, PointbookElement, type View } from "./element";
import { Account, type AccountQuery } from "./generated";
import { joinOffer, mayJoin } from "./joining";
import type { Panels } from "./kit";
import { secondPart } from "./second_part";

type Member = NonNullable<AccountQuery["me"]>;
const PANELS = ["history", "giftCards", "products", "myCards", "myOrders", "membership"] as const;
export type Name = (typeof PANELS)[number];

/** `null`: nobody is signed in. */
interface Shown {
  readonly of: AccountQuery | null;
}

export class PointbookAccount extends PointbookElement<Shown> {
  static override properties: PropertyDeclarations = { loginUrl: { attribute: "login-url" } };

  declare loginUrl: string | null;
  private _open = new Set<Name>();
  private _panels: Panels | null = null;

  get _member(): Member | null {
    return this._data?.of?.me ?? null;
  }

  protected override async _load(signal: AbortSignal, signedIn: boolean): Promise<Shown> {
    if (!signedIn) return { of: null };
    const of: AccountQuery = await this._ask(Account, {}, { signal });
    this._follow(!!of.me);
    for (const name of this._open) this._panels?.[name]._refresh();
    return { of };
  }

  protected override _clear(): void {
    super._clear();
    this._panels = null;
    this._open.clear();
  }

  protected override _kept(): Shown | null {
    return this._data;
  }

  protected override _showFailure(): View {
    const { _texts: texts } = this;
    return html`<section part="card" lang=${texts.language}><p>${this._texts.say("failed")}</p>
      <p part="actions"><button part="button" @click=${() => this.refresh()}>${this._texts.say("retry")}</button></p></section>`;
  }

  protected override _show({ of }: Shown): View {
    const { _texts: texts, loginUrl } = this;
    if (!of) {
      const text = texts.say("signIn");
      return html`<section part="card" lang=${texts.language}><p>${link(loginUrl, text)}</p></section>`;
    }
    const { programme, me } = of;
    if (!me && !mayJoin(programme)) return nothing;
    const note = this._failed ? texts.say("failed") : this._note;
    return html`<section part="card" lang=${texts.language} aria-label=${programme.name}>
      <h2 part="head">${texts.say("pointsAt", { name: programme.name })}</h2>
      ${me
        ? this._showMember(me)
        : joinOffer(this, programme.state === "ACTIVE" ? programme.signUpPoints : 0)}
      ${note ? html`<p part="note">${note}</p>` : nothing}
      ${me ? PANELS.map((name) => this._showPanel(name)) : nothing}
    </section>`;
  }

  private _showMember({ balance, expiringPoints, pendingPoints, state, redemptionLocked }: Member): View {
    const { _texts: texts } = this;
    const tile = (label: string, points: number, note = "") => html`<div part="tile">
      <dt>${label}</dt>
      <dd><b>${texts.number(points)}</b>${note ? html` <small>${note}</small>` : nothing}</dd>
    </div>`;
    const blocked = state === "INACTIVE" ? "noMEMBER_INACTIVE" : redemptionLocked ? "noREDEMPTION_LOCKED" : null;
    return html`<dl part="tiles">
        ${tile(texts.say("available"), balance.spendable, "= " + texts.money(balance.value))}
        ${tile(texts.say("pending"), balance.pending)}
        ${balance.held ? tile(texts.say("heldPoints"), balance.held) : nothing}
        ${balance.debt ? tile(texts.say("owed"), balance.debt) : nothing}
      </dl>
      ${blocked ? html`<p part="note">${texts.say(blocked)}</p>` : nothing}
      ${dated(expiringPoints.map(({ points, lastDay }) => texts.say("expires", { n: points, day: texts.day(lastDay) })))}
      ${dated(
        pendingPoints.map(({ points, availableFrom }) => {
          return texts.say("becomes", { n: points, day: texts.date(availableFrom, true) });
        }),
      )}`;
  }

  private _showPanel(name: Name): View {
    const toggled = async (event: Event) => {
      if (!(event.target as HTMLDetailsElement).open) return void this._open.delete(name);
      this._open.add(name);
      try {
        const second = await secondPart();
        const asked = this._panels ? [name] : this._open;
        this._panels ??= second._panels(this);
        for (const each of asked) this._panels[each]._refresh();
      } catch {
        this._tell(this._texts.say("failed"));
      }
    };
    return html`<details part="panel" @toggle=${toggled}>
      <summary part="summary">${this._texts.say(name)}</summary>
      <div part="content">${this._panels ? this._panels[name]._show() : html`<p>${this._texts.say("loading")}</p>`}</div>
    </details>`;
  }
}

/** The first line, and the others when they are asked for. */
function dated(lines: readonly string[]): View {
  const [first, ...others] = lines;
  if (!first) return nothing;
  if (!others.length) return html`<p part="dated">${first}</p>`;
  return html`<details part="dated"><summary>${first} (+${others.length})</summary><ul>${others.map((line) => html`<li>${line}</li>`)}</ul></details>`;
}
