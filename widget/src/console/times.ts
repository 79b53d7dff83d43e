/** Keeps relative times right while a page stays open. The words are the server's; see `times.py`. */

type Words = Record<"now" | "days" | "due" | "overdue" | "in" | "over" | "local", string>;
let read: Words | null = null;
/** The page's language; `{}` stands for the duration. */
const word = (name: keyof Words, text = "") =>
  (read ??= JSON.parse(document.body.dataset["times"] ?? "{}") as Words)[name].replace("{}", text);

const MINUTE = 60, HOUR = 3600, DAY = 86_400;

/** "now", "5 min", "3 h"; null from a day on: then the server's date stands. */
export function ago(seconds: number): string | null {
  if (seconds < MINUTE) return word("now");
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return null;
}

function span(seconds: number): string {
  if (seconds < HOUR) return `${Math.max(1, Math.ceil(seconds / MINUTE))} min`;
  if (seconds < DAY) return `${Math.round(seconds / HOUR)} h`;
  return word("days", String(Math.round(seconds / DAY)));
}

/** The server knows no agent's zone, so it writes UTC; the browser knows. */
function clock(time: HTMLTimeElement): void {
  const at = new Date(time.dateTime);
  const [hour, minute] = [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, "0"));
  const today = at.toDateString() === new Date().toDateString();
  const { lang } = document.documentElement;
  const day = today ? "" : `${at.toLocaleDateString(lang === "en" ? "en-GB" : lang, { day: "numeric", month: "short" })} `;
  put(time, `${day}${hour}:${minute}`);
  time.title = `${at.toLocaleString(lang)} ${word("local")}`;
  time.dataset["local"] = "";
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
    put(tag, left > 0 ? word("due", span(left)) : word("overdue"));
    tag.classList.toggle("wait", left > 0 && !(Date.parse(tag.dataset["warn"] ?? "") > now));
    tag.classList.toggle("alarm", left <= 0);
  }
  for (const fact of root.querySelectorAll<HTMLElement>("[data-due-at]")) {
    const left = (Date.parse(fact.dataset["due"] ?? "") - now) / 1000;
    put(fact, left > 0 ? word("in", span(left)) : word("over", span(-left)));
    fact.classList.toggle("wait", left > 0);
    fact.classList.toggle("alarm", left <= 0);
  }
  for (const time of root.querySelectorAll<HTMLTimeElement>("time[data-clock]:not([data-local])")) clock(time);
}
