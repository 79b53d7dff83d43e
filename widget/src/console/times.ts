/** Keeps relative times right while a page stays open. The words are the server's; see `times.py`. */

const MINUTE = 60, HOUR = 3600, DAY = 86_400;

/** "now", "5 min", "3 h"; null from a day on: then the server's date stands. */
export function ago(seconds: number): string | null {
  if (seconds < MINUTE) return "now";
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return null;
}

function span(seconds: number): string {
  if (seconds < HOUR) return `${Math.max(1, Math.ceil(seconds / MINUTE))} min`;
  if (seconds < DAY) return `${Math.round(seconds / HOUR)} h`;
  return `${Math.round(seconds / DAY)} d`;
}

/** The server knows no agent's zone, so it writes UTC; the browser knows. */
function clock(time: HTMLTimeElement): void {
  const at = new Date(time.dateTime);
  const [hour, minute] = [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, "0"));
  const today = at.toDateString() === new Date().toDateString();
  put(time, `${today ? "" : `${at.getDate()} ${at.toLocaleString("en", { month: "short" })} `}${hour}:${minute}`);
  time.title = `${at.toLocaleString("en")} local time`;
}

const put = (element: Element, text: string) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Brings all times below `root` up to date. */
export function tick(root: ParentNode = document): void {
  const now = Date.now();
  for (const time of root.querySelectorAll<HTMLTimeElement>("time[data-ago]")) {
    const text = ago((now - Date.parse(time.dateTime)) / 1000);
    if (text) put(time, text);
  }
  for (const tag of root.querySelectorAll<HTMLElement>(".tag[data-due]")) {
    const left = (Date.parse(tag.dataset["due"] ?? "") - now) / 1000;
    put(tag, left > 0 ? `due ${span(left)}` : "overdue");
    tag.classList.toggle("wait", left > 0);
    tag.classList.toggle("alarm", left <= 0);
  }
  for (const fact of root.querySelectorAll<HTMLElement>("[data-due-at]")) {
    const left = (Date.parse(fact.dataset["due"] ?? "") - now) / 1000;
    put(fact, left > 0 ? `in ${span(left)}` : `overdue by ${span(-left)}`);
    fact.classList.toggle("wait", left > 0);
    fact.classList.toggle("alarm", left <= 0);
  }
  for (const time of root.querySelectorAll<HTMLTimeElement>("time[data-clock]:not([title*='local'])")) clock(time);
}
