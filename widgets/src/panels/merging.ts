/** Another account of the member's: asking for it to be merged into this one, and how that stands. */

import { html, nothing } from "lit";
import type { PointbookAccount } from "../account";
import type { View } from "../element";
import { CancelMergeRequest, RequestMerge, type MembershipQuery } from "../generated";
import { given, submit } from "./forms";

type Requests = NonNullable<MembershipQuery["me"]>["mergeRequests"]["nodes"];

const OPEN = ["REQUESTED", "VERIFIED"];

/** Whether anybody has the address is told to nobody: the same is said of every one. */
export function mergeForm(host: PointbookAccount, requests: Requests): View {
  const { _texts: texts } = host;
  const ask = (event: Event) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const email = given(form)("email")!;
    void submit(
      host,
      form,
      ["merge", email],
      (idempotencyKey) => host._ask(RequestMerge, { input: { email, idempotencyKey } }),
      ({ requestMerge: answer }) => {
        if ("code" in answer) return answer;
        form.reset();
        host._tell(texts.say("mergeAsked"));
        return null;
      },
    );
  };
  const cancel = (id: string) =>
    host._do(
      ["cancel merge", id],
      () => host._ask(CancelMergeRequest, { input: { id } }),
      ({ cancelMergeRequest: answer }) => ("code" in answer ? answer : null),
    );
  return html`<details part="merge">
    <summary>${texts.say("merge")}</summary>
    <form @submit=${ask}>
      <p>${texts.say("mergeHow")}</p>
      <label><span>${texts.say("mergeEmail")}</span><input name="email" type="email" required autocomplete="off" /></label>
      <p part="actions"><button part="button" ?disabled=${host._busy}>${texts.say("mergeAsk")}</button></p>
    </form>
    <ul>
      ${requests.map(
        ({ id, state, requestedAt, reason }) => html`<li part="row">
          <span>${texts.date(requestedAt)}<small>${texts.ofCode("m", state, "other")}${reason ? ` · ${reason}` : ""}</small></span>
          ${OPEN.includes(state)
            ? html`<button part="button" ?disabled=${host._busy} @click=${() => cancel(id)}>${texts.say("withdraw")}</button>`
            : nothing}
        </li>`,
      )}
    </ul>
  </details>`;
}
