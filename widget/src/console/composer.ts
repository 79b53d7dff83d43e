/**
 * The field for replies and notes. It is never swapped; a draft survives reloads and failed sends. While one writes a reply the
 * other agents are told, and what another of them is writing is not answered over unasked.
 */

import { files } from "./files";

const TYPING_EVERY_MS = 4000; // less than half of what the server believes it for

export function composer(element: HTMLElement): () => void {
  const form = element as HTMLFormElement;
  const text = form.querySelector("textarea")!;
  const id = form.querySelector<HTMLInputElement>("[name=client_id]")!;
  const attached = files(form);
  const key = `draft:${form.dataset["conversation"]}`;
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  for (const hint of form.querySelectorAll("[data-mod]")) hint.textContent = mac ? "⌘ ↵" : "Ctrl ↵";

  text.value ||= sessionStorage.getItem(key) ?? "";
  const anyway = form.querySelector<HTMLElement>("[data-anyway]")!;
  const macro = form.querySelector<HTMLInputElement>("[data-macro-id]")!;
  const macroLine = form.querySelector<HTMLElement>("[data-macro]")!;
  let told = 0;
  const tell = (writing: "yes" | "no") => {
    told = writing === "yes" ? Date.now() : 0;
    const headers = { "X-CSRF-Token": document.body.dataset["csrf"] ?? "", "HX-Request": "true" };
    const body = new URLSearchParams({ writing });
    // Whoever cannot be told finds out by the refusal of a second reply.
    fetch(`/console/conversations/${form.dataset["conversation"]}/typing`, { method: "POST", headers, body }).catch(() => undefined);
  };
  const writes = () => {
    anyway.hidden = true;
    const isReply = form.querySelector<HTMLInputElement>('[value="reply"]')!.checked;
    if (isReply && text.value && Date.now() - told > TYPING_EVERY_MS) tell("yes");
    if (!text.value && told) tell("no");
  };
  const withoutMacro = () => {
    macro.value = "";
    macro.disabled = macroLine.hidden = true;
  };
  /** What was on the page when it was sent: an answer that came meanwhile is read first. */
  const saySeen = (event: Event) => {
    const { elt, parameters } = (event as CustomEvent<{ elt: Element; parameters: Record<string, string> }>).detail;
    const seen = document.querySelector<HTMLElement>("#transcript-scroll")?.dataset["seq"];
    if (elt === form && seen) parameters["seen"] = seen;
  };
  const refused = (event: Event) => {
    const { xhr } = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail;
    if (xhr.responseText.includes('"someone_writes"')) anyway.hidden = false;
  };
  const keep = () => {
    if (text.value) sessionStorage.setItem(key, text.value);
    else sessionStorage.removeItem(key);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    // Not `requestSubmit`: htmx would send to the address of whatever button was pressed last, such as the draft's.
    form.querySelector<HTMLButtonElement>(".send > .primary")!.click();
  };
  const sent = (event: Event) => {
    const { successful, elt } = (event as CustomEvent<{ successful: boolean; elt: Element }>).detail;
    if (elt !== form || !successful) return;
    text.value = "";
    attached.clear();
    keep();
    told = 0;
    text.dispatchEvent(new Event("input", { bubbles: true })); // closes a list that hangs over the field
    anyway.hidden = true;
    withoutMacro();
    id.value = randomId(); // the old one stays with a failed send, so that sending again cannot double it
    form.querySelector<HTMLInputElement>('[value="reply"]')!.checked = true;
    text.focus();
  };
  text.addEventListener("input", keep);
  text.addEventListener("input", writes);
  text.addEventListener("keydown", press);
  form.addEventListener("htmx:configRequest", saySeen);
  form.addEventListener("htmx:responseError", refused);
  form.addEventListener("htmx:afterRequest", sent);
  form.querySelector("[data-macro-off]")!.addEventListener("click", withoutMacro);
  return () => {
    attached.stop();
    text.removeEventListener("input", keep);
    text.removeEventListener("input", writes);
    form.removeEventListener("htmx:configRequest", saySeen);
    form.removeEventListener("htmx:responseError", refused);
    text.removeEventListener("keydown", press);
    form.removeEventListener("htmx:afterRequest", sent);
  };
}

/** `crypto.randomUUID` needs https; a desk in a local network may have none. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
