/** What a member decides about taking part. */

import { html, nothing } from "lit";
import type { PointbookAccount } from "../account";
import type { View } from "../element";
import { Membership, SetNotifications, type MembershipQuery } from "../generated";
import { leaveForm, saveData } from "./leaving";
import { mergeForm } from "./merging";

export type Standing = NonNullable<MembershipQuery["me"]>;

export class MembershipPanel {
  private _standing: Standing | null = null;

  constructor(private readonly _host: PointbookAccount) {}

  async _refresh(): Promise<void> {
    const host = this._host;
    try {
      this._standing = (await host._ask(Membership, {})).me;
    } catch {
      host._tell(host._texts.say("failed"));
    }
    host.requestUpdate();
  }

  _show(): View {
    const { _standing: standing, _host: host } = this;
    if (!standing) return html`<p>${host._texts.say("loading")}</p>`;
    return html`${standing.email ? html`<p>${standing.email}</p>` : nothing} ${this._showNotices(standing)}
      <p part="actions">
        <button part="button" @click=${() => saveData(host)}>${host._texts.say("saveData")}</button>
      </p>
      ${mergeForm(host, standing.mergeRequests.nodes)} ${leaveForm(host, standing.leavingLoss)}`;
  }

  private _showNotices({ notifications }: Standing): View {
    const { _host: host } = this;
    const changed = (event: Event) => {
      const optIn = (event.target as HTMLInputElement).checked;
      void host._do(
        ["notices", optIn],
        () => host._ask(SetNotifications, { input: { optIn } }),
        ({ setNotifications: answer }) => ("code" in answer ? answer : null),
      );
    };
    return html`<label part="option">
      <input type="checkbox" .checked=${notifications.optIn} ?disabled=${host._busy} @change=${changed} />
      <span>${host._texts.say("optIn")}</span>
    </label>`;
  }
}
