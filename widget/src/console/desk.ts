/** Keys, the dialogs and clocks of the whole page. A key belongs to the element that names it in `data-key`. */
import { tick } from "./times";

const isWriting = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("textarea, select, input:not([type=radio], [type=checkbox])"));

function move(by: number): void {
  const rows = [...document.querySelectorAll<HTMLAnchorElement>("a[data-row]")];
  const focused = rows.indexOf(document.activeElement as HTMLAnchorElement);
  const current = focused >= 0 ? focused : rows.findIndex((row) => row.hasAttribute("aria-current"));
  const next = rows[Math.min(rows.length - 1, Math.max(0, current < 0 ? 0 : current + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** Does what the element is for, as its key and the command bar do. */
export function use(element: HTMLElement): void {
  if (element.dataset["open"]) {
    show(element.dataset["open"]);
  } else if (element.matches("input[type=radio]")) {
    (element as HTMLInputElement).checked = true;
    element.dispatchEvent(new Event("change", { bubbles: true }));
  } else if (element.matches("input, textarea, select")) {
    if (!element.checkVisibility()) document.querySelector<HTMLElement>("#act-details")?.click(); // where there is less room its panel comes on demand
    element.focus();
  } else {
    element.click();
    if (element.matches("summary")) element.focus(); // what it opened is the next thing that Tab reaches
  }
  if (element.dataset["then"]) document.querySelector<HTMLElement>(element.dataset["then"])?.focus();
}

function show(id: string): void {
  const dialog = document.querySelector<HTMLDialogElement>(`#${id}`);
  dialog?.showModal();
  dialog?.dispatchEvent(new CustomEvent("desk:open"));
}

/** Also from within a field, and once more to close it. Above another dialog nothing opens. */
function command(): void {
  const open = document.querySelector<HTMLDialogElement>("dialog[open]");
  if (!open) show("commands");
  else if (open.id === "commands") open.close();
}

export function desk(body: HTMLElement): () => void {
  const keys = (event: KeyboardEvent) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      command();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (isWriting(event.target)) {
      if (event.key === "Escape") (event.target as HTMLElement).blur();
      return;
    }
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      move(event.key === "j" ? 1 : -1);
      return;
    }
    const element = [...document.querySelectorAll<HTMLElement>("[data-key]")].find(
      (each) => each.dataset["key"] === event.key && !(each as HTMLButtonElement).disabled,
    );
    if (!element) return;
    event.preventDefault();
    use(element);
  };
  const click = (event: Event) => {
    const opener = (event.target as Element).closest<HTMLElement>("[data-open]");
    if (opener) use(opener);
    const asks = (event.target as Element).closest<HTMLButtonElement>("button[data-ask]");
    const count = asks?.form ? document.querySelectorAll(`input[form="${asks.form.id}"]:checked`).length : 0;
    if (asks && count && !window.confirm((asks.dataset["ask"] ?? "").replace("{}", String(count)))) event.preventDefault();
    const radio = (event.target as Element).closest<HTMLElement>("[data-then]");
    if (radio?.matches("input") && (event as MouseEvent).detail > 0) use(radio);
  };
  const change = (event: Event) => {
    const select = (event.target as Element).closest<HTMLSelectElement>("select[data-submit]");
    select?.form?.requestSubmit();
  };
  for (const hidden of body.querySelectorAll<HTMLElement>("[data-open][hidden]")) hidden.hidden = false;
  if (/Mac|iPhone|iPad/.test(navigator.platform)) for (const key of body.querySelectorAll('[data-mod="K"]')) key.textContent = "⌘ K";
  document.addEventListener("keydown", keys);
  document.addEventListener("click", click);
  document.addEventListener("change", change);
  const opened = () => {
    // On a phone one column is shown at a time, and a swap changes which.
    const inbox = body.classList.contains("inbox");
    if (inbox) body.classList.toggle("opened", document.querySelector(".talk") !== null);
    tick();
  };
  document.addEventListener("htmx:afterSettle", opened);
  const clock = window.setInterval(() => tick(), 15_000);
  tick();
  return () => {
    document.removeEventListener("keydown", keys);
    document.removeEventListener("click", click);
    document.removeEventListener("change", change);
    document.removeEventListener("htmx:afterSettle", opened);
    window.clearInterval(clock);
  };
}
