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
  const done = (event: Event) => {
    const { elt, successful } = (event as CustomEvent<{ elt: Element; successful: boolean }>).detail;
    if (!(elt instanceof HTMLFormElement) || !successful || !elt.dataset["undo"]) return;
    end();
    url = (elt.getAttribute("action") ?? "").replace(/[^/]+$/, elt.dataset["undo"]);
    if (words) words.textContent = elt.dataset["undone"] ?? "";
    if (button) button.dataset["key"] = "u"; // only while there is something to undo
    line.hidden = false;
    end = after(line, hide);
  };
  const press = () => {
    if (url) void htmx.ajax("post", url, { source: line, swap: "none", values: { csrf: document.body.dataset["csrf"] ?? "" } });
    hide();
  };
  document.body.addEventListener("htmx:afterRequest", done);
  button?.addEventListener("click", press);
  return () => {
    end();
    document.body.removeEventListener("htmx:afterRequest", done);
    button?.removeEventListener("click", press);
  };
}

export function passing(element: HTMLElement): () => void {
  return after(element, () => element.remove());
}
