/**
 * A `<details>` that closes when one clicks elsewhere, leaves it by Escape, or has done what one opened it for. A form in it with
 * `data-stays` says there what came of it.
 */

export function menu(element: HTMLElement): () => void {
  const details = element as HTMLDetailsElement;
  const outside = (event: Event) => {
    if (details.open && !details.contains(event.target as Node)) details.open = false;
  };
  const escape = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary")?.focus();
  };
  const sent = (event: Event) => {
    const { elt, xhr } = (event as CustomEvent<{ elt: Element; xhr: XMLHttpRequest }>).detail;
    if (elt.closest("[data-stays]")) return;
    // The page's live part may put another menu in this one's place before the answer is here.
    const now = () => (details.id ? document.querySelector<HTMLDetailsElement>(`#${details.id}`) : details);
    xhr.addEventListener("load", () => {
      const menu = xhr.status < 400 ? now() : null;
      if (!menu) return;
      const within = menu.contains(document.activeElement);
      menu.open = false;
      if (within) menu.querySelector("summary")?.focus({ preventScroll: true });
    });
  };
  document.addEventListener("click", outside);
  details.addEventListener("keydown", escape);
  details.addEventListener("htmx:beforeRequest", sent);
  return () => {
    details.removeEventListener("htmx:beforeRequest", sent);
    document.removeEventListener("click", outside);
    details.removeEventListener("keydown", escape);
  };
}
