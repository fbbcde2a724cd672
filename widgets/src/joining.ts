/** What a customer sees who is signed in to the shop and has not joined the programme. */

import { html } from "lit";
import type { View } from "./element";
import type { Texts } from "./texts";

export function joinOffer(texts: Texts, points: number | null, busy: boolean, join: () => void): View {
  return html`<p>${texts.say("notJoined")}</p>
    <p part="actions">
      <button part="button primary" ?disabled=${busy} @click=${join}>
        ${points ? texts.say("joinOffer", { n: points }) : texts.say("join")}
      </button>
    </p>`;
}
