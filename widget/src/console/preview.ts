/** The chat as the form's fields would make it, before they are saved. */

const WHITE = "#ffffff";
const INK = "#1d1c1a";

/** The readable one of the two colours that the chat puts on an accent (WCAG's relative luminance). */
function textOn(accent: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = parseInt(accent.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (light + 0.05) >= 4.5 ? WHITE : INK;
}

export function preview(element: HTMLElement): (() => void) | void {
  const form = element.closest("form");
  if (!form) return;
  const value = (name: string) => (form.elements.namedItem(name) as HTMLInputElement | null)?.value.trim() ?? "";
  const draw = () => {
    const accent = value("accent");
    if (/^#[0-9a-f]{6}$/i.test(accent)) {
      element.style.setProperty("--accent", accent);
      element.style.setProperty("--on-accent", textOn(accent));
    }
    element.classList.toggle("left", value("position") === "left");
    element.style.colorScheme = value("scheme") === "auto" ? "" : value("scheme");
    for (const place of element.querySelectorAll<HTMLElement>("[data-of]"))
      place.textContent = value(place.dataset["of"]!) || (place.dataset["else"] ?? "");
    for (const place of element.querySelectorAll<HTMLElement>("[data-lines]")) {
      const lines = value(place.dataset["lines"]!).split("\n").filter(Boolean);
      place.replaceChildren(
        ...lines.map((text) => {
          const made = document.createElement("span");
          made.textContent = text;
          return made;
        }),
      );
    }
  };
  form.addEventListener("input", draw);
  draw();
  return () => form.removeEventListener("input", draw);
}
