/**
 * What can be taken back is done at once and can be undone for ten seconds: a form that names its opposite in `data-undo` says so in
 * the line at the foot of the page. A form with the controller `passing` brings its own button and goes after the same time.
 */
import htmx from "htmx.org";

const SECONDS = 10;

/** Calls `over` after ten seconds in which `element` was neither pointed at nor had the focus; gives what ends that. */
function after(element: HTMLElement, over: () => void): () => void {
  let timer = window.setTimeout(look, SECONDS * 1000);
  function look(): void {
    if (element.matches(":hover") || element.contains(document.activeElement)) timer = window.setTimeout(look, SECONDS * 1000);
    else over();
  }
  return () => window.clearTimeout(timer);
}

export function undo(line: HTMLElement): () => void {
  const words = line.querySelector("span");
  const button = line.querySelector("button");
  let url = "";
  let end = () => {};

  const hide = () => {
    end();
    line.hidden = true;
    url = "";
    delete button?.dataset["key"];
  };
  const show = (back: string, undone: string) => {
    end();
    url = back;
    if (words) words.textContent = undone;
    if (button) button.dataset["key"] = "u"; // only while there is something to undo
    line.hidden = false;
    end = after(line, hide);
  };
  const sent = (event: Event) => {
    const { elt, xhr } = (event as CustomEvent<{ elt: Element; xhr: XMLHttpRequest }>).detail;
    if (!(elt instanceof HTMLFormElement) || !elt.dataset["undo"]) return;
    const back = (elt.getAttribute("action") ?? "").replace(/[^/]+$/, elt.dataset["undo"]);
    const undone = elt.dataset["undone"] ?? "";
    // The request itself is asked: the page's live part may take the form away before the answer is here, and what is said
    // of a form that is gone reaches nobody.
    xhr.addEventListener("load", () => xhr.status < 400 && show(back, undone));
  };
  const press = () => {
    if (url) void htmx.ajax("post", url, { source: line, swap: "none", values: { csrf: document.body.dataset["csrf"] ?? "" } });
    hide();
  };
  document.body.addEventListener("htmx:beforeRequest", sent);
  button?.addEventListener("click", press);
  return () => {
    end();
    document.body.removeEventListener("htmx:beforeRequest", sent);
    button?.removeEventListener("click", press);
  };
}

export function passing(element: HTMLElement): () => void {
  return after(element, () => element.remove());
}
