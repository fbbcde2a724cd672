/** The looks of what the second part shows. */

import type { PointbookElement } from "../element";
import text from "./panels.css";

const sheet = new CSSStyleSheet();
sheet.replaceSync(text);

/** As often as one likes. */
export function dress(host: PointbookElement<unknown>): void {
  const root = host.shadowRoot!;
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}
