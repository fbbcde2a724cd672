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

  private _showNotices({ email, notifications }: Standing): View {
    const { _host: host } = this;
    const changed = async (event: Event) => {
      const box = event.target as HTMLInputElement;
      const optIn = box.checked;
      let kept = !optIn;
      const send = () => host._ask(SetNotifications, { input: { optIn } });
      await host._do(["notices", optIn], send, ({ setNotifications: answer }) => {
        if ("code" in answer) return answer;
        kept = optIn;
        return null;
      });
      box.checked = kept;
    };
    return html`<label part="option">
      <input type="checkbox" .checked=${notifications.optIn} ?disabled=${host._busy} @change=${changed} />
      <span>${host._texts.say("optIn")}${notifications.optIn && !email ? html`<small>${host._texts.say("noEmail")}</small>` : nothing}</span>
    </label>`;
  }
}
