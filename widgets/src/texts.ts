/** What is said, in the customer's language. */

import de from "../locales/de.json";
import en from "../locales/en.json";
import type panels from "../locales/panels/en.json";
import pl from "../locales/pl.json";

type Plurals = Partial<Record<Intl.LDMLPluralRule, string>>;
/** A text, or its forms by the number `n`. */
type Text = string | Plurals;

const LANGUAGES: Record<string, Record<string, Text>> = { de, en, pl };

export type Key = keyof typeof en | keyof typeof panels;

/** Texts of a part that is loaded later. */
export function learn(more: typeof LANGUAGES): void {
  for (const language in more) Object.assign(LANGUAGES[language]!, more[language]);
}

export interface Money {
  readonly amount: string;
  readonly currency: string;
}

export class Texts {
  private readonly _texts: Record<string, Text>;
  private readonly _plurals: Intl.PluralRules;
  /** Of the words. */
  readonly language: string;
  /** Of the figures among them: it keeps the region that was asked for. */
  private readonly _figures: string;

  /** `tag`: what was asked for; programmes may speak it. */
  constructor(readonly tag: string) {
    const language = tag.split("-")[0]!.toLowerCase();
    [this.language, this._figures] = language in LANGUAGES ? [language, tag] : ["en", "en"];
    this._texts = LANGUAGES[this.language]!;
    this._plurals = new Intl.PluralRules(this.language);
  }

  /** `{name}` in a text is a value, or another text of that name; `n` chooses among forms. Numbers are written out. */
  say(key: Key, values: Record<string, string | number> = {}): string {
    const found = this._texts[key] ?? "";
    const text = typeof found === "string" ? found : (found[this._plurals.select(+values["n"]!)] ?? found.many!);
    return text.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name] ?? this.say(name, values);
      return typeof value === "number" ? this.number(value) : value;
    });
  }

  /** The text of what the API calls `code`, or `fallback` for what is new to this version. */
  ofCode(prefix: string, code: string, fallback: Key, values?: Record<string, string | number>): string {
    const key = prefix + code;
    return this.say((key in this._texts ? key : fallback) as Key, values);
  }

  knows(key: string): boolean {
    return key in this._texts;
  }

  number(number: number, options?: Intl.NumberFormatOptions): string {
    return new Intl.NumberFormat(this._figures, options).format(number);
  }

  /** The amount is a decimal number as the API writes it: no digit goes through a float. */
  money({ amount, currency }: Money): string {
    return new Intl.NumberFormat(this._figures, { style: "currency", currency }).format(amount as unknown as number);
  }

  /** A local day without an hour: it is the same day everywhere. */
  day(day: string): string {
    return new Intl.DateTimeFormat(this._figures, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(day));
  }

  /** An instant, on the customer's own clock. */
  date(instant: string, time = false): string {
    const style: Intl.DateTimeFormatOptions = { dateStyle: "medium" };
    if (time) style.timeStyle = "short";
    return new Intl.DateTimeFormat(this._figures, style).format(new Date(instant));
  }
}

const known = new Map<string, Texts>();

/** Texts of a language tag; one that is none is taken as English. */
export function textsOf(tag: string): Texts {
  let texts = known.get(tag);
  if (!texts) {
    try {
      texts = new Texts(Intl.getCanonicalLocales(tag)[0] ?? "en");
    } catch {
      texts = new Texts("en");
    }
    known.set(tag, texts);
  }
  return texts;
}
