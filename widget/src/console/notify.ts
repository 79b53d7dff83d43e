/**
 * Notifications of the desktop: one when somebody new waits, a note mentions the agent, or a clock is near its end, while nobody looks at the page. Asked for
 * by a press in the menu, never unasked; the browser keeps the permission, this page whether it is wanted.
 */

const WANTED = "desk:notify";

export function notify(element: HTMLElement): () => void {
  const button = element as HTMLButtonElement;
  if (!("Notification" in window)) return () => undefined;
  let before: Record<"waiting" | "mentions" | "near", number> | null = null;

  const isOn = () => Notification.permission === "granted" && localStorage.getItem(WANTED) === "yes";
  const draw = () => {
    button.hidden = false;
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
  const look = () => {
    const now = counts();
    const [old, more] = [before, (key: "waiting" | "mentions" | "near") => !!now && !!before && now[key] > before[key]];
    const said = more("mentions") ? button.dataset["mentioned"] : more("near") ? button.dataset["near"] : more("waiting") ? button.dataset["waiting"] : "";
    before = now ?? old;
    if (!said || !isOn() || document.visibilityState === "visible") return;
    const shown = new Notification(said, { tag: "minidesk" }); // one at a time: a new one takes the place of the last
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
    });
  };

  before = counts();
  draw();
  button.addEventListener("click", press);
  document.addEventListener("htmx:afterSwap", look);
  return () => {
    button.removeEventListener("click", press);
    document.removeEventListener("htmx:afterSwap", look);
  };
}
