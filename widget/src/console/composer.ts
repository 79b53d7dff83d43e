/** The field for replies and notes. It is never swapped; a draft survives reloads and failed sends. */

export function composer(element: HTMLElement): () => void {
  const form = element as HTMLFormElement;
  const text = form.querySelector("textarea")!;
  const id = form.querySelector<HTMLInputElement>("[name=client_id]")!;
  const key = `draft:${form.dataset["conversation"]}`;
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  for (const hint of form.querySelectorAll("[data-mod]")) hint.textContent = mac ? "⌘ ↵" : "Ctrl ↵";

  text.value ||= sessionStorage.getItem(key) ?? "";
  const keep = () => {
    if (text.value) sessionStorage.setItem(key, text.value);
    else sessionStorage.removeItem(key);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  };
  const sent = (event: Event) => {
    const { successful, elt } = (event as CustomEvent<{ successful: boolean; elt: Element }>).detail;
    if (elt !== form || !successful) return;
    text.value = "";
    keep();
    id.value = randomId(); // the old one stays with a failed send, so that sending again cannot double it
    form.querySelector<HTMLInputElement>('[value="reply"]')!.checked = true;
    text.focus();
  };
  text.addEventListener("input", keep);
  text.addEventListener("keydown", press);
  form.addEventListener("htmx:afterRequest", sent);
  return () => {
    text.removeEventListener("input", keep);
    text.removeEventListener("keydown", press);
    form.removeEventListener("htmx:afterRequest", sent);
  };
}

/** `crypto.randomUUID` needs https; a desk in a local network may have none. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
