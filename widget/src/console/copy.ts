/** A field with a button that copies it. Where the browser forbids the clipboard (no https), the text is selected instead. */

export function copy(element: HTMLElement): void {
  const field = element.querySelector("textarea");
  const button = element.querySelector("button");
  if (!field || !button) return;
  const before = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = element.dataset["done"] ?? before;
      window.setTimeout(() => (button.textContent = before), 2000);
    } catch {
      field.select();
    }
  });
}
