/** Where the script and its second part, the panels of the account, meet. */

import type { html, nothing, svg } from "lit";
import type { PointbookAccount, Panels } from "./account";
import type { learn } from "./texts";

export interface Kit {
  readonly _html: typeof html;
  readonly _svg: typeof svg;
  readonly _nothing: typeof nothing;
  readonly _learn: typeof learn;
  /** Set by the second part. */
  _panels?: (host: PointbookAccount) => Panels;
}

const NAME = Symbol.for("pointbook");
const place = globalThis as unknown as Record<symbol, Kit>;

export const KIT = place[NAME]!;

export function provide(kit: Kit): Kit {
  return (place[NAME] = kit);
}
