/**
 * The files of a reply: chosen, pasted or dropped, each named below the field with a button that leaves it out. They stay in the
 * form's own field, so that whatever sends the form sends them.
 */

/** Gives what forgets them once they are sent, and what ends it. */
export function files(form: HTMLFormElement): { clear: () => void; stop: () => void } {
  const field = form.querySelector<HTMLInputElement>("input[type=file]");
  const list = form.querySelector<HTMLElement>("[data-files]");
  if (!field || !list) return { clear: () => undefined, stop: () => undefined };
  const chosen = () => [...(field.files ?? [])];

  function put(wanted: File[]): void {
    const data = new DataTransfer();
    for (const file of wanted) data.items.add(file);
    field!.files = data.files;
    draw();
  }

  function draw(): void {
    list!.hidden = !chosen().length;
    list!.replaceChildren(...chosen().map(line));
  }

  function line(file: File, n: number): HTMLLIElement {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const button = document.createElement("button");
    name.textContent = name.title = file.name;
    button.type = "button";
    button.className = "plain";
    button.textContent = "×";
    button.title = list!.dataset["remove"]!.replace("{}", file.name);
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => {
      put(chosen().filter((_, at) => at !== n));
      (list!.querySelector("button") ?? form.querySelector("textarea"))!.focus();
    });
    item.append(name, button);
    return item;
  }

  /** A note takes none. */
  const takes = () => form.querySelector<HTMLInputElement>('[value="reply"]')!.checked;
  // Choosing once more adds; the browser alone would forget what was chosen before.
  let before: File[] = [];
  const opening = () => (before = chosen());
  const change = () => {
    const names = new Set(chosen().map((file) => `${file.name} ${file.size}`));
    put([...before.filter((file) => !names.has(`${file.name} ${file.size}`)), ...chosen()]);
    before = [];
  };
  const add = (event: Event, data: DataTransfer | null) => {
    if (!data?.files.length || !takes()) return;
    event.preventDefault();
    put([...chosen(), ...data.files]);
  };
  // A table out of a spreadsheet comes with a picture of itself: its words are what was meant.
  const paste = (event: ClipboardEvent) => event.clipboardData?.types.includes("text/plain") || add(event, event.clipboardData);
  const over = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files") || !takes()) return;
    event.preventDefault();
    form.classList.add("over");
  };
  const leave = () => form.classList.remove("over");
  const drop = (event: DragEvent) => {
    leave();
    add(event, event.dataTransfer);
  };
  // Beside the field a dropped file would take the whole page's place, and the half-written reply with it.
  const beside = (event: DragEvent) => event.dataTransfer?.types.includes("Files") && event.preventDefault();
  field.addEventListener("click", opening);
  field.addEventListener("change", change);
  form.addEventListener("paste", paste);
  form.addEventListener("dragover", over);
  form.addEventListener("dragleave", leave);
  form.addEventListener("drop", drop);
  document.addEventListener("dragover", beside);
  document.addEventListener("drop", beside);
  return {
    clear: () => put([]),
    stop: () => {
      document.removeEventListener("dragover", beside);
      document.removeEventListener("drop", beside);
    },
  };
}
