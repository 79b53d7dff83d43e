/** A `<details>` that closes when one clicks elsewhere or leaves it by Escape. */

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
  document.addEventListener("click", outside);
  details.addEventListener("keydown", escape);
  return () => {
    document.removeEventListener("click", outside);
    details.removeEventListener("keydown", escape);
  };
}
