/** The shop's own fields: the voucher code comes and goes as if the customer had typed it. */

/** What a selector of the shop's finds; one that is none finds nothing. */
export function found<Kind extends Element>(selector: string | null | undefined): Kind | null {
  try {
    return document.querySelector<Kind>(selector!);
  } catch {
    return null;
  }
}

/** By the setter of the element's class, or of one before it: frameworks that keep a field's value have put their own
 *  in front. */
export function put(field: HTMLInputElement, value: string): void {
  if (field.value === value) return;
  let own: PropertyDescriptor | undefined;
  for (let of = field; !own && of; ) own = Object.getOwnPropertyDescriptor((of = Object.getPrototypeOf(of)), "value");
  own?.set?.call(field, value);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
