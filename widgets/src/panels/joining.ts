/** What a customer agrees to who joins the programme. */

import { html, nothing } from "lit";
import type { PointbookElement, View } from "../element";
import { Guidelines, Join } from "../generated";

export function joinForm(host: PointbookElement<unknown>, points: number | null): View {
  const { _texts: texts, _terms: terms } = host;
  const join = (event: Event) => {
    event.preventDefault();
    const optIn = new FormData(event.target as HTMLFormElement).has("optIn");
    const send = () => host._ask(Join, { input: { acceptTerms: true, optIn } });
    void host._do("join", send, ({ join: answer }) => ("code" in answer ? answer.code : null));
  };
  const read = async () => {
    if (!terms) host._terms = (await host._ask(Guidelines, { locale: texts.tag })).guidelines.sections;
  };
  return html`<form @submit=${join}>
      <label part="option"><input type="checkbox" required /><span>${texts.say("acceptTerms")}</span></label>
      <details @toggle=${read}>
        <summary>${texts.say("terms")}</summary>
        ${terms?.map(({ heading, paragraphs }) => html`<h3>${heading}</h3>${paragraphs.map((text) => html`<p>${text}</p>`)}`) ?? nothing}
      </details>
      <label part="option"><input type="checkbox" name="optIn" /><span>${texts.say("optIn")}</span></label>
      <p part="actions">
        <button part="button primary" ?disabled=${host._busy}>
          ${points ? texts.say("joinOffer", { n: points }) : texts.say("join")}
        </button>
      </p>
    </form>`;
}
