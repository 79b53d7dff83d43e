/**
 * Uploads by choosing or dropping files, each with its progress. A large file has a request of its own; small ones go
 * together, because the server stores the files of a request in one transaction.
 */

const AT_ONCE = 2;
const SMALL = 256 * 1024; // bytes: its bar would jump from empty to full anyway
const TOGETHER = 40; // small files of one request, and their bytes: a refused request costs no more than this
const TOGETHER_BYTES = 4 * 1024 * 1024;

/** A file on its way, with its line on the page. */
interface Sent {
  file: File;
  progress: (part: number) => void;
  end: (text: string, failed: boolean) => void;
}

export function upload(element: HTMLElement): () => void {
  const form = element as HTMLFormElement;
  const input = form.querySelector<HTMLInputElement>("input[type=file]")!;
  const lines = form.querySelector<HTMLElement>(".progress")!;
  const waiting: Sent[][] = [];
  let busy = 0;

  async function next(): Promise<void> {
    if (busy >= AT_ONCE) return;
    const some = waiting.shift();
    if (!some) return;
    busy += 1;
    await send(some);
    busy -= 1;
    await next();
  }

  function add(files: Iterable<File>): void {
    const fitting: Sent[] = [];
    for (const file of files) {
      const one = line(file);
      if (file.size > Number(form.dataset["max"])) one.end(form.dataset["tooLarge"] ?? "", true);
      else fitting.push(one);
    }
    waiting.push(...together(fitting));
    for (let n = 0; n < AT_ONCE; n += 1) void next();
  }

  function line(file: File): Sent {
    const item = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("progress");
    const word = document.createElement("span");
    name.textContent = name.title = file.name;
    bar.max = 1;
    bar.value = 0;
    item.append(name, bar, word);
    lines.append(item);
    return {
      file,
      progress: (part) => (bar.value = part),
      end: (text, failed) => {
        bar.remove();
        word.textContent = text;
        word.className = failed ? "alarm" : "quiet";
        if (failed) {
          word.title = text;
          lines.prepend(item); // not below the fold of those that went well
        } else window.setTimeout(() => item.remove(), 4000);
      },
    };
  }

  function send(some: Sent[]): Promise<void> {
    return new Promise((resolve) => {
      const xhr = new XMLHttpRequest();
      xhr.open("POST", form.action);
      xhr.setRequestHeader("X-CSRF-Token", form.querySelector<HTMLInputElement>("[name=csrf]")!.value);
      xhr.setRequestHeader("HX-Request", "true");
      xhr.upload.onprogress = (event) => event.lengthComputable && some.forEach((one) => one.progress(event.loaded / event.total));
      xhr.onloadend = () => {
        if (xhr.status === 401) location.reload();
        const problems = problemsOf(xhr, some.length, form.dataset["failed"] ?? "");
        some.forEach((one, n) => one.end(problems[n] ?? form.dataset["stored"] ?? "", problems[n] != null));
        document.body.dispatchEvent(new CustomEvent("desk:changed"));
        resolve();
      };
      const data = new FormData();
      for (const { file } of some) data.append("files", file, file.name);
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

/** Large files alone, small ones in groups; the order stays. */
function together(files: Sent[]): Sent[][] {
  const groups: Sent[][] = [];
  let group: Sent[] = [];
  let bytes = 0;
  for (const one of files) {
    if (one.file.size > SMALL) {
      groups.push([one]);
      continue;
    }
    if (!group.length || group.length >= TOGETHER || bytes + one.file.size > TOGETHER_BYTES) {
      groups.push((group = []));
      bytes = 0;
    }
    group.push(one);
    bytes += one.file.size;
  }
  return groups;
}

/** What is wrong with each file of a request; null for one that is stored. */
function problemsOf(xhr: XMLHttpRequest, count: number, otherwise: string): (string | null)[] {
  const stored = xhr.status >= 200 && xhr.status < 300;
  try {
    const answer = JSON.parse(xhr.responseText) as { error?: { message: string }; problems?: (string | null)[] };
    if (answer.problems?.length === count) return answer.problems;
    if (answer.error) return Array<string>(count).fill(answer.error.message);
  } catch {
    // No JSON: stored without a word, or the connection broke.
  }
  return Array<string | null>(count).fill(stored ? null : otherwise);
}
