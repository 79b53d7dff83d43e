/**
 * The swap style `keyed`: what has not changed stays the very same element, so that scroll positions, selections, focus and
 * half-filled fields survive a refresh.
 *
 * Inside an element with `data-keyed`, children are told apart by id. One whose `data-v` is unchanged is kept; one with
 * `data-keyed` is gone into; one with `data-keep` is never touched; any other is replaced if it differs. One with `data-same` is
 * empty: the server was told that the page has it, and it only says where it stands.
 */
import type htmxType from "htmx.org";

/** Asked before a list is patched: true means "later", and the fresh list is kept by whoever said so. */
export type Holder = (target: Element, fresh: Element) => boolean;
const holders = new Set<Holder>();

export function onPatch(holder: Holder): () => void {
  holders.add(holder);
  return () => holders.delete(holder);
}

export function keyed(htmx: typeof htmxType): void {
  htmx.defineExtension("keyed", {
    isInlineSwap: (style: string) => style === "keyed",
    handleSwap: (style: string, target: Node, fragment: Node) => {
      if (style !== "keyed") return [];
      const fresh = [...fragment.childNodes].find((node): node is Element => node instanceof Element && node.id === (target as Element).id);
      if (!fresh || isOvertaken(target as Element, fresh) || [...holders].some((holder) => holder(target as Element, fresh))) return [];
      return patch(target as Element, fresh);
    },
  });
}

/** Makes `old` look like `fresh`; gives the elements that are new in the page. */
export function patch(old: Element, fresh: Element, move = true): Element[] {
  const added: Element[] = [];
  copyAttributes(old, fresh);
  const before = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at: Element | null = old.firstElementChild;
  for (const next of [...fresh.children]) {
    const same = before.get(next.id);
    before.delete(next.id);
    if (!same && (!move || next.hasAttribute("data-same"))) continue;
    const inPlace = !!same && same === at;
    if (inPlace) at = at!.nextElementSibling; // before it is replaced: a place that is gone would send all that follows to the end, and its focus away
    const kept = same ? update(same, next, added, move) : next;
    if (!same) added.push(next);
    if (move && !inPlace) old.insertBefore(kept, at && at.parentNode === old ? at : null);
  }
  if (move) for (const gone of before.values()) if (!gone.hasAttribute("data-keep")) gone.remove();
  return added;
}

function update(old: Element, fresh: Element, added: Element[], move: boolean): Element {
  if (old.hasAttribute("data-keep") || fresh.hasAttribute("data-same") || isInUse(old) || isRefused(old) || isOvertaken(old, fresh)) return old;
  if (old instanceof HTMLDetailsElement && old.open) fresh.setAttribute("open", ""); // somebody looks into it
  const [v, w] = [old.getAttribute("data-v"), fresh.getAttribute("data-v")];
  if (v !== null && v === w) return old;
  if (fresh.hasAttribute("data-keyed")) {
    added.push(...patch(old, fresh, move));
    return old;
  }
  if (v === null && old.isEqualNode(fresh)) return old;
  const hadFocus = old.contains(document.activeElement);
  const next = document.importNode(fresh, true);
  for (const box of old.querySelectorAll<HTMLInputElement>("input[type=checkbox]:checked")) {
    const same = [...next.querySelectorAll<HTMLInputElement>("input[type=checkbox]")].find((each) => each.name === box.name && each.value === box.value);
    if (same) same.checked = true; // a row that was ticked and changes stays ticked
  }
  keepTyped(old, next);
  old.replaceWith(next);
  if (hadFocus) next.querySelector<HTMLElement>("a, button")?.focus({ preventScroll: true });
  added.push(next);
  return next;
}

/** What was typed and not sent yet, or refused, stands in the new field too, unless the server has another value for it by now. */
function keepTyped(old: Element, next: Element): void {
  const fields = (part: Element) => [...part.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input[id]:not([type=checkbox], [type=radio], [type=file]), textarea[id]")];
  const fresh = new Map(fields(next).map((field) => [field.id, field]));
  for (const field of fields(old)) {
    const same = fresh.get(field.id);
    if (same && field.value !== field.defaultValue && field.defaultValue === same.defaultValue) same.value = field.value;
  }
}

/** Two requests were under way, and the answer to the later one is on the page already: it knows more, or begins earlier. */
function isOvertaken(old: Element, fresh: Element): boolean {
  const number = (element: Element, name: string) => Number(element.getAttribute(name) ?? 0);
  return number(fresh, "data-event") < number(old, "data-event") || number(fresh, "data-first") > number(old, "data-first");
}

/** It says why something was refused; that and what was typed stay until one has tried again. */
const isRefused = (element: Element) => !element.hasAttribute("data-keyed") && element.querySelector("[data-problem]:not([hidden])") !== null;

/** Somebody is choosing in it right now, or presses it: a button that is replaced under the finger is not pressed. */
function isInUse(element: Element): boolean {
  if (element.querySelector(":active") && !element.hasAttribute("data-keyed")) return true;
  const focused = document.activeElement;
  return !!focused && element.contains(focused) && focused.matches("select, input, textarea") && !element.hasAttribute("data-keyed");
}

function copyAttributes(old: Element, fresh: Element): void {
  for (const { name, value } of fresh.attributes) {
    // Both are changed on the page: what is open, and what is not to be read aloud.
    if (name !== "class" && name !== "aria-live" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}
