/** Loads the second part of the script, checked like the first: this one knows what it has to be. */

import { html, nothing, svg } from "lit";
import { provide, type Second } from "./kit";
import { learn } from "./texts";

const kit = provide({ _html: html, _nothing: nothing, _svg: svg, _learn: learn });
const address = new URL(PANELS_FILE, SCRIPT_URL).href;
let loading: Promise<Second> | null = null;

interface TrustedTypes {
  createPolicy(name: string, rules: object): { createScriptURL(url: string): any };
}

const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("pointbook-panels", {
  createScriptURL: () => address, // whatever is asked for
});

/** Rejects when it cannot be loaded; it is tried again the next time. */
export function secondPart(): Promise<Second> {
  return (loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.crossOrigin = "anonymous";
    script.integrity = PANELS_INTEGRITY;
    script.onload = () => resolve(kit._second!);
    script.onerror = () => {
      loading = null;
      reject();
    };
    script.src = policy ? policy.createScriptURL("") : address;
    document.head.append(script);
  }));
}
