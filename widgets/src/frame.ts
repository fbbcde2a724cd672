/** In the page of /widgets/frame/: the widget's customer and its height are the business of the page around it. */

import type { TokenProvider } from "./identity";

const parents = document.body.dataset["parents"]!.split(" ");
const widget = document.querySelector<HTMLElement & { tokenProvider: TokenProvider }>(".pointbook > *")!;
const PATIENCE = 5_000; // milliseconds

function tell(type: string, detail: object): void {
  for (const origin of parents) window.parent.postMessage({ type: "pointbook:" + type, ...detail }, origin);
}

/** What the page around answers to `pointbook:token`: `{type: "pointbook:token", token}`, null for a guest. */
widget.tokenProvider = () =>
  new Promise((resolve) => {
    const answered = ({ source, origin, data }: MessageEvent) => {
      const known = parents[0] === "*" || parents.includes(origin);
      if (source !== window.parent || !known || data?.type !== "pointbook:token") return;
      removeEventListener("message", answered);
      resolve(data.token);
    };
    addEventListener("message", answered);
    setTimeout(() => resolve(null), PATIENCE);
    tell("token", {});
  });

for (const name of ["redeemed", "ended", "changed", "error", "loaded"]) {
  widget.addEventListener("pointbook:" + name, (event) => tell(name, { detail: (event as CustomEvent).detail }));
}
new ResizeObserver(() => tell("height", { height: document.documentElement.offsetHeight })).observe(document.body);
