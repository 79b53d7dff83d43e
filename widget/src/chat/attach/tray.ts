/** The files of a message that is still being written: each is made smaller, uploaded, and waits for its message. */
import { ApiError } from "../api";
import type { Chat } from "../chat";
import type { FileView } from "../types";
import { send } from "./send";
import { shrink } from "./shrink";

export interface Entry {
  key: number;
  file: File;
  /** An address of the picture in this browser; empty where it is none. */
  preview: string;
  progress: number;
  /** null while it is sent, and afterwards; else why it is not here (empty: nobody was reached) */
  problem: string | null;
  /** Whether the same may work later. */
  again: boolean;
  view: FileView | null;
  stop: AbortController;
}

export class Tray {
  entries: Entry[] = [];
  /** What was not even tried, and why. */
  refused = "";
  private last = 0;

  constructor(
    private readonly chat: Chat,
    private readonly changed: () => void,
  ) {}

  get ready(): FileView[] {
    return this.entries.flatMap(({ view }) => view ?? []);
  }

  /** Something is under way or went wrong: sending now would leave it out. */
  get busy(): boolean {
    return this.entries.some(({ view }) => !view);
  }

  add(files: File[]): void {
    const { config, t } = this.chat.view;
    const most = config?.files?.most ?? 0;
    this.refused = "";
    for (const file of files) {
      if (this.entries.length >= most) {
        this.refused = t("too_many_files", { max: most });
        break;
      }
      const preview = /^image\/(png|jpeg|webp|gif)$/.test(file.type) ? URL.createObjectURL(file) : "";
      const entry: Entry = { key: ++this.last, file, preview, progress: 0, problem: null, again: false, view: null, stop: new AbortController() };
      this.entries = [...this.entries, entry];
      void this.upload(entry);
    }
    this.changed();
  }

  retry(entry: Entry): void {
    this.put(entry, { problem: null, progress: 0 });
    void this.upload(entry);
  }

  remove(entry: Entry): void {
    entry.stop.abort();
    this.entries = this.entries.filter(({ key }) => key !== entry.key);
    URL.revokeObjectURL(entry.preview);
    this.changed();
  }

  clear(): void {
    for (const entry of this.entries) this.remove(entry);
    this.refused = "";
    this.changed();
  }

  private put(entry: Entry, change: Partial<Entry>): void {
    this.entries = this.entries.map((one) => (one.key === entry.key ? { ...one, ...change } : one));
    this.changed();
  }

  private async upload(entry: Entry): Promise<void> {
    const { config, t } = this.chat.view;
    const largest = config?.files?.max_bytes ?? 0;
    try {
      const file = await shrink(entry.file);
      if (file.size > largest) throw new ApiError(413, "too_large", t("file_too_large", { max: largest / 1e6 }));
      const progress = (part: number) => this.put(entry, { progress: part });
      const { attachment } = await send<{ attachment: FileView }>(this.chat.api, "/attachments", file, progress, entry.stop.signal);
      this.put(entry, { view: attachment });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.put(entry, { problem: error.message, again: error.passing });
    }
  }
}
