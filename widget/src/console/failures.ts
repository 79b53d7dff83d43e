/** A form that failed says why, in place, and keeps what was typed. */

const REFUSED = "This did not reach the server. Check the connection and send it again.";

function sentence(xhr: XMLHttpRequest): string {
  try {
    const body = JSON.parse(xhr.responseText) as { error?: { message?: string; request_id?: string } };
    const id = body.error?.request_id && xhr.status >= 500 ? ` (${body.error.request_id})` : "";
    return body.error?.message ? body.error.message + id : REFUSED;
  } catch {
    return REFUSED;
  }
}

function place(element: Element | null): HTMLElement | null {
  const form = element?.closest("form");
  return form?.querySelector<HTMLElement>("[data-problem]") ?? (form ? document.querySelector<HTMLElement>("#talk-problem") : null);
}

function say(element: Element | null, text: string): void {
  const line = place(element);
  if (!line) return;
  line.textContent = text;
  line.hidden = text === "";
}

type Detail = CustomEvent<{ elt: Element; xhr: XMLHttpRequest }>;

export function failures(): void {
  const body = document;
  body.addEventListener("htmx:beforeRequest", (event) => say((event as Detail).detail.elt, ""));
  body.addEventListener("htmx:sendError", (event) => say((event as Detail).detail.elt, REFUSED));
  body.addEventListener("htmx:timeout", (event) => say((event as Detail).detail.elt, REFUSED));
  body.addEventListener("htmx:responseError", (event) => {
    const { elt, xhr } = (event as Detail).detail;
    if (xhr.status === 401) location.reload(); // leads to the sign-in page and back here
    else if (xhr.status === 404 && !elt.closest("form") && elt.matches("a")) location.assign((elt as HTMLAnchorElement).href);
    else say(elt, sentence(xhr));
  });
}
