/** Where the two parts of the script meet. */

import type { html, nothing, svg } from "lit";
import type { PointbookAccount, Name } from "./account";
import type { PointbookElement, View } from "./element";
import type { learn } from "./texts";

/** What the second part is for. */
export interface Second {
  _panels(host: PointbookAccount): Panels;
  _joinForm(host: PointbookElement<unknown>, points: number | null): View;
}

export type Panels = Record<Name, { _show(): View; _refresh(): unknown }>;

export interface Kit {
  readonly _html: typeof html;
  readonly _svg: typeof svg;
  readonly _nothing: typeof nothing;
  readonly _learn: typeof learn;
  _second?: Second;
}

const NAME = Symbol.for("pointbook");
const place = globalThis as unknown as Record<symbol, Kit>;

export const KIT = place[NAME]!;

export function provide(kit: Kit): Kit {
  return (place[NAME] = kit);
}
