/**
 * One event stream a page (browsers open only six connections to a host): the open conversation's if there is one, which also
 * tells of the site, else the site's. Events carry no page parts; they say "look again", and htmx fetches what is shown.
 */

import { showGiven } from "./badge";
import { tellGiven } from "./notify";

let source: EventSource | null = null;
let url = "";
let since = 0; // of the loss, for the line that says so
const due = new Map<string, number>();
const told = new Map<string, number>(); // when each was announced last
const SOON = 20; // what one transaction stores comes within this
const OFTEN = 100; // at most this often a page looks again; less often where looking takes long. At 150 a message close behind another one stood in the list after more than the 200 ms that are promised
const SELDOM = 3000;
const SHARE = 2; // times what looking took is waited: all consoles together must leave a busy server time for messages
let looks = OFTEN;

/** How long a look at what `desk:changed` announces takes: a server that is slow today is asked less often. */
function measure(): void {
  const began = new WeakMap<XMLHttpRequest, number>();
  const isLook = (event: Event) => !!(event as CustomEvent<{ elt: Element }>).detail.elt.getAttribute("hx-trigger")?.includes("desk:changed");
  const xhr = (event: Event) => (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail.xhr;
  document.addEventListener("htmx:beforeSend", (event) => isLook(event) && began.set(xhr(event), performance.now()));
  document.addEventListener("htmx:afterRequest", (event) => {
    const from = began.get(xhr(event));
    if (from !== undefined) looks = Math.min(SELDOM, Math.max(OFTEN, SHARE * (performance.now() - from)));
  });
}
measure();

/** Several events in a row ask once. The first after a silence is not kept waiting: somebody looks at the page. */
function announce(name: string, wait: number, first = SOON): void {
  if (due.has(name)) return;
  const left = wait - (performance.now() - (told.get(name) ?? -wait));
  due.set(
    name,
    window.setTimeout(
      () => {
        due.delete(name);
        told.set(name, performance.now());
        document.body.dispatchEvent(new CustomEvent(name));
      },
      Math.max(first, left),
    ),
  );
}

function connect(): void {
  const elements = [...document.querySelectorAll<HTMLElement>('[data-controller="live"]')];
  const wanted = (elements.find((element) => element.dataset["event"]) ?? elements[0])?.dataset["url"] ?? "";
  if (wanted === url && source?.readyState !== EventSource.CLOSED) return;
  source?.close();
  source = null;
  url = wanted;
  if (!url) return;
  const stream = (source = new EventSource(url));
  const talk = () => announce("desk:talk", 60);
  for (const name of ["note", "holder", "ticket", "presence"]) stream.addEventListener(name, talk);
  // What was said needs the transcript alone; what stands around it follows with `changed`.
  const said = () => announce("desk:said", 60);
  for (const name of ["message", "note", "answer.start", "answer.part", "answer.done"]) stream.addEventListener(name, said);
  // Beside an open conversation the list waits its turn: what was said there comes first.
  const first = elements.some((element) => element.dataset["event"]) ? OFTEN : SOON;
  stream.addEventListener("changed", () => announce("desk:changed", looks, Math.min(first, looks)));
  stream.addEventListener("given-to-me", (event) => tellGiven((event as MessageEvent<string>).data));
  stream.addEventListener("open", () => {
    lost(false);
    showGiven(false); // what is still there comes first on the stream
    announce("desk:changed", OFTEN); // whatever happened between the page and the stream
  });
  stream.addEventListener("error", () => {
    lost(true);
    if (stream.readyState !== EventSource.CLOSED) return; // it tries again by itself
    window.setTimeout(() => announce("desk:changed", OFTEN), 2000); // a session that has ended shows itself there
    window.setTimeout(connect, 5000);
  });
}

function lost(now: boolean): void {
  const line = document.querySelector<HTMLElement>("#offline");
  if (!now) {
    since = 0;
    if (line) line.hidden = true;
    return;
  }
  since ||= Date.now();
  const mine = since;
  // A server that restarts is back in a moment; nobody needs to read of that.
  window.setTimeout(() => {
    if (line && since === mine) line.hidden = false;
  }, 4000);
}

window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", (event) => event.persisted && connect());

export function live(): () => void {
  queueMicrotask(connect);
  return () => queueMicrotask(connect);
}
