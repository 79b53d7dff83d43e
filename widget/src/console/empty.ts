/** A form that is empty again once it was taken, for the next entry. */

export function empty(element: HTMLElement): () => void {
  const form = element as HTMLFormElement;
  const taken = (event: Event) => {
    const { successful, elt } = (event as CustomEvent<{ successful: boolean; elt: Element }>).detail;
    if (elt === form && successful) form.reset();
  };
  form.addEventListener("htmx:afterRequest", taken);
  return () => form.removeEventListener("htmx:afterRequest", taken);
}
