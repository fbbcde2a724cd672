/** Taking one's data along, and leaving. */

import { html, nothing } from "lit";
import type { PointbookAccount } from "../account";
import type { View } from "../element";
import { DataExport, LeaveProgramme, type MembershipQuery } from "../generated";
import { given, point } from "./forms";

type Loss = NonNullable<MembershipQuery["me"]>["leavingLoss"];

/** All that is kept of the member, as a file of JSON. */
export async function saveData(host: PointbookAccount): Promise<void> {
  const records: unknown[] = [];
  let after: string | null = null;
  try {
    do {
      const { me }: { me: { dataExport: { records: unknown[]; endCursor: string | null } } | null } = await host._ask(
        DataExport,
        { after },
      );
      records.push(...(me?.dataExport.records ?? []));
      after = me?.dataExport.endCursor ?? null;
    } while (after);
  } catch {
    return host._tell(host._texts.say("failed"));
  }
  const url = URL.createObjectURL(new Blob([JSON.stringify(records, null, 2)], { type: "application/json" }));
  Object.assign(document.createElement("a"), { href: url, download: "points.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The loss, and a word to be typed before it is taken. */
export function leaveForm(host: PointbookAccount, loss: Loss): View {
  const { _texts: texts } = host;
  const word = texts.say("leaveWord");
  const leave = (event: Event) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    if (given(form)("word")?.toLocaleUpperCase() !== word) return point(host, form, "word");
    host._access._expire(); // it takes a token that has just been given
    const confirm = { points: loss.points, debt: loss.debt };
    void host._do(
      ["leave", confirm],
      (idempotencyKey) => host._ask(LeaveProgramme, { input: { confirm, idempotencyKey } }),
      ({ leaveProgramme: answer }) => {
        if ("code" in answer) return answer;
        host._tell(texts.say("left"));
        host._emit("left", {});
        return null;
      },
    );
  };
  const line = (there: number, text: string) => (there ? html`<li>${text}</li>` : nothing);
  return html`<details part="leave">
    <summary>${texts.say("leave")}</summary>
    <form @submit=${leave}>
      <ul>
        <li><strong>${texts.say("losePoints", { n: loss.points })}</strong></li>
        ${line(loss.debt, texts.say("loseDebt", { n: loss.debt }))}
        ${line(loss.giftCards, texts.say("keepCards", { value: texts.money(loss.giftCardMoney) }))}
        ${line(loss.unsentGiftCards, texts.say("unsentCards"))}
        ${line(loss.exchangeOrders, texts.say("openOrders"))}
        <li>${texts.say("loseData")}</li>
      </ul>
      <label><span>${texts.say("typeWord", { word })}</span><input name="word" required autocomplete="off" autocapitalize="characters" /></label>
      <p part="actions"><button part="button primary" ?disabled=${host._busy}>${texts.say("leaveNow")}</button></p>
    </form>
  </details>`;
}
