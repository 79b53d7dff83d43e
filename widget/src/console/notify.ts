/**
 * Notifications of the desktop: one when somebody new waits, the desk gives the agent a ticket, a note mentions them, or a clock is near its end, while nobody
 * looks at the page. Asked for by a press in the menu, never unasked; the browser keeps the permission, this page whether it is wanted.
 */
import { showGiven } from "./badge";
import { chime } from "./sound";

const WANTED = "desk:notify";
const TOLD = "desk:given"; // the time of the latest ticket that this browser has told of: each page load hears of all that wait
const GIVEN = "desk:given-now";
// What was given waits as well, and the list says so a moment later: that would take the place of what leads to it.
const SAME_MS = 10_000;

type Given = { talk: string; number: number; at: string };

/** What the stream says of tickets that the desk has given the agent, to whoever shows it. */
export function tellGiven(data: string): void {
  document.body.dispatchEvent(new CustomEvent<Given[]>(GIVEN, { detail: JSON.parse(data) as Given[] }));
}

export function notify(element: HTMLElement): () => void {
  const button = element as HTMLButtonElement;
  const canShow = "Notification" in window;
  let known = new Set<string>(); // the conversations whose tickets were given to the agent, as it was told last
  let before: Record<"waiting" | "mentions" | "near", number> | null = null;
  let givenAt = -SAME_MS;

  const isOn = () => canShow && Notification.permission === "granted" && localStorage.getItem(WANTED) === "yes";
  const draw = () => {
    button.hidden = !canShow;
    button.textContent = (isOn() ? button.dataset["off"] : button.dataset["on"]) ?? "";
  };
  const press = async () => {
    if (isOn()) localStorage.removeItem(WANTED);
    else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(WANTED, "yes");
    draw();
  };
  const counts = () => {
    const part = document.querySelector<HTMLElement>("#list-part");
    const count = (name: string) => Number(part?.dataset[name] ?? 0);
    return part ? { waiting: count("waiting"), mentions: count("mentions"), near: count("near") } : null;
  };
  const tell = (said: string, href?: string) => {
    if (document.visibilityState === "visible") return;
    chime();
    if (!isOn()) return;
    const shown = new Notification(said, { tag: "minidesk" }); // one at a time: a new one takes the place of the last
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
      if (href && location.pathname !== href) location.assign(href); // a draft stays: the composer keeps it
    });
  };
  const look = () => {
    const now = counts();
    const [old, more] = [before, (key: "waiting" | "mentions" | "near") => !!now && !!before && now[key] > before[key]];
    const said = more("mentions") ? button.dataset["mentioned"] : more("near") ? button.dataset["near"] : more("waiting") && performance.now() - givenAt > SAME_MS ? button.dataset["waiting"] : "";
    before = now ?? old;
    if (said) tell(said);
  };
  const given = (event: Event) => {
    const theirs = (event as CustomEvent<Given[]>).detail;
    showGiven(theirs.length > 0);
    const told = Number(localStorage.getItem(TOLD) ?? 0);
    // Their time begins anew while somebody writes at the reply: what this page knows already is no news.
    const fresh = theirs.filter((each) => !known.has(each.talk) && Date.parse(each.at) > told);
    known = new Set(theirs.map((each) => each.talk));
    localStorage.setItem(TOLD, String(Math.max(told, ...theirs.map((each) => Date.parse(each.at)))));
    const last = fresh.at(-1);
    if (last) givenAt = performance.now();
    if (last) tell((button.dataset["given"] ?? "").replace("{}", String(last.number)), `/console/conversations/${last.talk}`);
  };

  before = counts();
  draw();
  button.addEventListener("click", press);
  document.addEventListener("htmx:afterSwap", look);
  document.body.addEventListener(GIVEN, given);
  return () => {
    button.removeEventListener("click", press);
    document.removeEventListener("htmx:afterSwap", look);
    document.body.removeEventListener(GIVEN, given);
  };
}
