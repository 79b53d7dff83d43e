/**
 * A list that never moves under the pointer. Rows that are there are kept up to date in place; new ones announce themselves
 * ("3 new") while the list is scrolled, pointed at or in use by the keyboard, and come in when it is left alone at its top.
 */
import htmx from "htmx.org";
import { showWaiting } from "./badge";
import { onPatch, patch } from "./keyed";
import { tick } from "./times";

export function list(scroll: HTMLElement): () => void {
  const button = document.querySelector<HTMLButtonElement>("#fresh");
  let waiting: Element | null = null;

  const isInUse = () => scroll.scrollTop > 8 || scroll.matches(":hover") || scroll.contains(document.activeElement);

  function show(count: number): void {
    if (!button) return;
    button.hidden = count === 0;
    button.textContent = `${count} new`;
  }

  const badge = () => showWaiting(Number(scroll.querySelector<HTMLElement>("[data-waiting]")?.dataset["waiting"] ?? 0));

  function select(): void {
    for (const row of scroll.querySelectorAll<HTMLAnchorElement>("a[data-row]")) {
      if (row.pathname === location.pathname) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  function settle(added: Element[]): void {
    for (const element of added) htmx.process(element);
    select();
    badge();
    tick(scroll);
  }

  function apply(): void {
    const part = scroll.querySelector(".list-part");
    if (!waiting || !part) return;
    const fresh = waiting;
    waiting = null;
    show(0);
    settle(patch(part, fresh));
  }

  const stopHolding = onPatch((target, fresh) => {
    if (!scroll.contains(target)) return false;
    const ids = (part: Element) => [...part.querySelectorAll("#rows > li")].map((row) => row.id).join(" ");
    if (!isInUse() || ids(target) === ids(fresh)) {
      waiting = null;
      show(0);
      settle(patch(target, fresh));
      return true;
    }
    waiting = fresh.cloneNode(true) as Element;
    const here = new Set([...target.querySelectorAll("#rows > li")].map((row) => row.id));
    const there = new Set([...fresh.querySelectorAll("#rows > li")].map((row) => row.id));
    for (const row of target.querySelectorAll("#rows > li")) row.firstElementChild?.classList.toggle("gone", !there.has(row.id));
    settle(patch(target, fresh, false));
    show([...there].filter((id) => !here.has(id)).length);
    return true;
  });

  const leave = (event: MouseEvent) => {
    if (event.relatedTarget !== button && scroll.scrollTop <= 8 && !scroll.contains(document.activeElement)) apply();
  };
  const press = () => {
    scroll.scrollTop = 0;
    apply();
  };
  const pushed = () => select();
  scroll.addEventListener("mouseleave", leave);
  button?.addEventListener("click", press);
  document.body.addEventListener("htmx:pushedIntoHistory", pushed);
  window.addEventListener("popstate", pushed);
  return () => {
    stopHolding();
    scroll.removeEventListener("mouseleave", leave);
    button?.removeEventListener("click", press);
    document.body.removeEventListener("htmx:pushedIntoHistory", pushed);
    window.removeEventListener("popstate", pushed);
  };
}
