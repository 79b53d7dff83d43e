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

/** Where it is told. The page's live part may have put another form in the place of the one that was sent: then there. */
function place(element: Element | null): HTMLElement | null {
  const sent = element?.closest("form");
  const form = sent?.id && !sent.isConnected ? document.querySelector(`#${sent.id}`) : sent;
  return form?.querySelector<HTMLElement>("[data-problem]") ?? (form ? document.querySelector<HTMLElement>("#talk-problem") : null);
}

function say(element: Element | null, text: string): void {
  const line = place(element);
  if (!line) return;
  line.textContent = text;
  line.hidden = text === "";
}

function told(elt: Element, xhr: XMLHttpRequest): void {
  if (xhr.status < 400) return;
  if (xhr.status === 401) location.reload(); // leads to the sign-in page and back here
  else if (xhr.status === 404 && !elt.closest("form") && elt.matches("a")) location.assign((elt as HTMLAnchorElement).href);
  else say(elt, sentence(xhr));
}

export function failures(): void {
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, xhr } = (event as CustomEvent<{ elt: Element; xhr: XMLHttpRequest }>).detail;
    say(elt, "");
    // Not htmx's own events: those of a form that was replaced while it was being sent reach nobody.
    xhr.addEventListener("load", () => told(elt, xhr));
    for (const lost of ["error", "timeout"]) xhr.addEventListener(lost, () => say(elt, REFUSED));
  });
}
