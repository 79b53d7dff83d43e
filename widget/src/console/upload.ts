/** Uploads by choosing or dropping files, one request a file, each with its progress. */

const AT_ONCE = 2;

export function upload(element: HTMLElement): () => void {
  const form = element as HTMLFormElement;
  const input = form.querySelector<HTMLInputElement>("input[type=file]")!;
  const lines = form.querySelector<HTMLElement>(".progress")!;
  const waiting: (() => Promise<void>)[] = [];
  let busy = 0;

  async function next(): Promise<void> {
    if (busy >= AT_ONCE) return;
    const work = waiting.shift();
    if (!work) return;
    busy += 1;
    await work();
    busy -= 1;
    await next();
  }

  function add(files: Iterable<File>): void {
    for (const file of files) {
      const line = document.createElement("li");
      const name = document.createElement("span");
      const bar = document.createElement("progress");
      const word = document.createElement("span");
      name.textContent = name.title = file.name;
      bar.max = 1;
      bar.value = 0;
      line.append(name, bar, word);
      lines.append(line);
      const end = (text: string, failed: boolean) => {
        bar.remove();
        word.textContent = text;
        word.className = failed ? "alarm" : "quiet";
        if (failed) word.title = text;
        else window.setTimeout(() => line.remove(), 4000);
      };
      if (file.size > Number(form.dataset["max"])) {
        end(form.dataset["tooLarge"] ?? "", true);
        continue;
      }
      waiting.push(() => send(file, (part) => (bar.value = part), end));
      void next();
    }
  }

  function send(file: File, progress: (part: number) => void, end: (text: string, failed: boolean) => void): Promise<void> {
    return new Promise((resolve) => {
      const xhr = new XMLHttpRequest();
      xhr.open("POST", form.action);
      xhr.setRequestHeader("X-CSRF-Token", form.querySelector<HTMLInputElement>("[name=csrf]")!.value);
      xhr.setRequestHeader("HX-Request", "true");
      xhr.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
      xhr.onloadend = () => {
        if (xhr.status === 401) location.reload();
        if (xhr.status >= 200 && xhr.status < 300) end(form.dataset["stored"] ?? "", false);
        else end(reason(xhr) ?? form.dataset["failed"] ?? "", true);
        document.body.dispatchEvent(new CustomEvent("desk:changed"));
        resolve();
      };
      const data = new FormData();
      data.append("files", file, file.name);
      xhr.send(data);
    });
  }

  const choose = () => {
    add([...(input.files ?? [])]);
    input.value = "";
  };
  const over = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("over");
  };
  const leave = (event: DragEvent) => event.relatedTarget === null && form.classList.remove("over");
  const drop = (event: DragEvent) => {
    event.preventDefault(); // also beside the field, or the browser would leave the page for the file
    form.classList.remove("over");
    add([...(event.dataTransfer?.files ?? [])]);
  };
  input.addEventListener("change", choose);
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", leave);
  document.addEventListener("drop", drop);
  return () => {
    input.removeEventListener("change", choose);
    document.removeEventListener("dragover", over);
    document.removeEventListener("dragleave", leave);
    document.removeEventListener("drop", drop);
  };
}

function reason(xhr: XMLHttpRequest): string | null {
  try {
    return (JSON.parse(xhr.responseText) as { error: { message: string } }).error.message;
  } catch {
    return null;
  }
}
