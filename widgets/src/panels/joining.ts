/** What a customer agrees to who joins the programme, and where they want to hear of it. */

import { html } from "lit";
import type { PointbookElement, View } from "../element";
import { Guidelines, Join, Programme } from "../generated";
import type { Texts } from "../texts";
import { given, point, submit } from "./forms";
import { dress } from "./sheet";

export function joinForm(host: PointbookElement<unknown>, points: number | null): View {
  dress(host);
  const { _texts: texts, _terms: terms } = host;
  const join = (event: Event) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const value = given(form);
    const [optIn, email] = [!!value("optIn"), value("email")];
    if (optIn && !email) return point(host, form, "email");
    const send = async () => {
      const locale = spoken(texts, (await host._ask(Programme, {})).programme.locales);
      return host._ask(Join, { input: { acceptTerms: true, optIn, email, locale } });
    };
    void submit(host, form, "join", send, ({ join: answer }) => {
      if ("code" in answer) return answer;
      host._tell(texts.say("joined"));
      return null;
    });
  };
  const read = async () => {
    if (terms) return;
    try {
      const { guidelines } = await host._ask(Guidelines, { locale: texts.tag });
      host._terms = [...guidelines.sections, guidelines.privacy];
    } catch {
      host._tell(texts.say("failed"));
    }
  };
  return html`<form @submit=${join}>
      <label part="option"><input type="checkbox" required /><span>${texts.say("acceptTerms")}</span></label>
      <details @toggle=${read}>
        <summary>${texts.say("terms")}</summary>
        <div part="terms" role="group" tabindex="0" aria-label=${texts.say("terms")}>
          ${terms?.map(({ heading, paragraphs }) => html`<p><strong>${heading}</strong></p>${paragraphs.map((text) => html`<p>${text}</p>`)}`) ?? texts.say("loading")}
        </div>
      </details>
      <label part="option"><input type="checkbox" name="optIn" /><span>${texts.say("optIn")}</span></label>
      <label><span>${texts.say("joinEmail")}</span><input name="email" type="email" maxlength="254" autocomplete="email" /></label>
      <p part="actions">
        <button part="button primary" ?disabled=${host._busy}>
          ${points ? texts.say("joinOffer", { n: points }) : texts.say("join")}
        </button>
      </p>
    </form>`;
}

/** The page's language, if the programme speaks it: notices are written in it. */
function spoken({ tag }: Texts, locales: readonly string[]): string | null {
  const [language] = tag.split("-");
  return locales.find((locale) => locale === tag) ?? locales.find((locale) => locale.split("-")[0] === language) ?? null;
}
