/** Forms of the panels: what they hold, and where the API finds it wrong. */

import type { Failure } from "../client";
import type { PointbookElement, Refusal } from "../element";
import type { Key } from "../texts";

type Host = PointbookElement<unknown>;

/** What was put into the field of a name; null: nothing. */
export function given(form: HTMLFormElement): (name: string) => string | null {
  const data = new FormData(form);
  return (name) => `${data.get(name) ?? ""}`.trim() || null;
}

/** As `_do`; a value that the API refuses is pointed at where it was put in, and whoever has no answer is told to look
 *  whether it was done. */
export async function submit<Answer>(
  host: Host,
  form: HTMLFormElement,
  input: unknown,
  send: (key: string) => Promise<Answer>,
  read: (answer: Answer) => Refusal | null,
): Promise<void> {
  let refused: Refusal | null = null;
  let lost = false;
  const sent = (key: string) =>
    send(key).catch((failure: Failure) => {
      lost = failure.code === "UNREACHABLE";
      throw failure;
    });
  await host._do(input, sent, (answer) => (refused = read(answer)));
  if (lost) host._tell(host._texts.say("unsure"));
  const name = (refused as Refusal | null)?.field?.split(".").pop();
  if (!name) return;
  await host.updateComplete; // until then its fields are disabled
  point(host, form, name);
}

/** Says at a field what is wrong with it; as soon as anything is changed it counts as right again. */
export function point(host: Host, form: HTMLFormElement, name: string): void {
  const { _texts: texts } = host;
  const field = form.elements.namedItem(name) as HTMLInputElement | null;
  const key = "wrong_" + name;
  field?.setCustomValidity(texts.say(texts.knows(key) ? (key as Key) : "noINVALID_INPUT"));
  field?.reportValidity();
  form.addEventListener("input", () => field?.setCustomValidity(""), { once: true });
}
