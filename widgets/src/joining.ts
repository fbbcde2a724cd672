/** What a customer sees who is signed in to the shop and has not joined the programme. */

import { html } from "lit";
import type { PointbookElement, View } from "./element";
import { secondPart } from "./second_part";

/** Not before a programme has begun, nor after its end. */
export function mayJoin({ state }: { readonly state: string }): boolean {
  return state !== "DRAFT" && state !== "CLOSED";
}

export function joinOffer(host: PointbookElement<unknown>, points: number | null): View {
  const { _texts: texts } = host;
  const open = async () => {
    host._form = (await secondPart().catch(() => host._tell(texts.say("failed"))))?._joinForm ?? null;
  };
  return (
    host._form?.(host, points) ??
    html`<p>${texts.say("notJoined")}</p>
      <p part="actions">
        <button part="button primary" @click=${open}>${texts.say(points ? "joinOffer" : "join", { n: points ?? 0 })}</button>
      </p>`
  );
}
