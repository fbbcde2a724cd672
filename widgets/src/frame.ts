/** In the page of /widgets/frame/: the widget's customer and its height are the business of the page around it. */

import { whoOf, type TokenProvider } from "./identity";

type Token = string | null | undefined;

const parents = document.body.dataset["parents"]!.split(" ");
const widget = document.querySelector<HTMLElement & { tokenProvider: TokenProvider; refresh?(): void }>(".pointbook > *")!;
const PATIENCE = 5_000; // milliseconds, after which the widget takes it that nobody is signed in
const AGAIN = 1_000; // milliseconds between two questions: the page around may listen later than this one asks

/** Where a browser says whose page is around, nobody else is spoken to. */
const around = [...(location.ancestorOrigins ?? [])][0];

function tell(type: string, detail: object): void {
  for (const origin of around && parents.includes(around) ? [around] : parents) {
    window.parent.postMessage({ type: "pointbook:" + type, ...detail }, origin);
  }
}

/** Of an answer that came without its being waited for. */
let told: { readonly token: Token } | null = null;
let wait: ((token: Token) => void) | null = null;
/** Whom the newest answer names; undefined before the first. */
let who: string | null | undefined;
let asking = 0;

/** What the page around answers to `pointbook:token`, or says when somebody signs in or out:
 *  `{type: "pointbook:token", token}`, null for a guest. */
addEventListener("message", ({ source, origin, data }) => {
  const known = parents[0] === "*" || parents.includes(origin);
  if (source !== window.parent || !known || data?.type !== "pointbook:token") return;
  clearInterval(asking);
  const former = who;
  who = whoOf(data.token || null);
  if (wait) wait(data.token);
  else if (who !== former) {
    told = data;
    widget.refresh?.();
  }
});

widget.tokenProvider = () =>
  new Promise((resolve, reject) => {
    if (told) {
      resolve(told.token);
      told = null;
      return;
    }
    const patience = setTimeout(() => {
      wait = null;
      reject();
    }, PATIENCE);
    wait = (token) => {
      wait = null;
      clearTimeout(patience);
      resolve(token);
    };
    clearInterval(asking);
    asking = window.setInterval(() => tell("token", {}), AGAIN);
    tell("token", {});
  });

for (const name of ["redeemed", "ended", "changed", "left", "error", "loaded"]) {
  widget.addEventListener("pointbook:" + name, (event) => tell(name, { detail: (event as CustomEvent).detail }));
}
new ResizeObserver(() => tell("height", { height: document.documentElement.offsetHeight })).observe(document.body);
