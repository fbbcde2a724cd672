/** The shop's own voucher field: it gets the code as if the customer had typed it. */

function found<Kind extends Element>(selector: string | null | undefined): Kind | null {
  return selector ? document.querySelector<Kind>(selector) : null;
}

/** Fills the field and presses the button, if they are there. */
export function fill(fieldSelector: string | null, buttonSelector: string | null, code: string): void {
  const field = found<HTMLInputElement>(fieldSelector);
  if (!field) return;
  put(field, code);
  found<HTMLElement>(buttonSelector)?.click();
}

/** Takes the code out of the field, unless there is another one in it. */
export function clear(fieldSelector: string | null, code: string): void {
  const field = found<HTMLInputElement>(fieldSelector);
  if (field?.value === code) put(field, "");
}

/** By the setter of the element's class: frameworks that keep a field's value have put their own in front. */
function put(field: HTMLInputElement, value: string): void {
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value")?.set?.call(field, value);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
