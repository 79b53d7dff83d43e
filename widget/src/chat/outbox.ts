/**
 * What the visitor wrote and the server has not yet accepted. It stays in the browser until the 202, over reloads, and
 * carries an id of ours, so that sending it twice makes one message.
 */
import { ApiError } from "./api";
import { backoffMs } from "./backoff";
import type { Storage } from "./storage";
import type { FileView } from "./types";

export interface Draft {
  client_id: string;
  text: string;
  /** Uploaded before. */
  files?: FileView[];
  /** Bound at the first attempt: a repetition must reach the same conversation to be recognised. */
  conversation: string | null;
  /** null while sending; else why not (empty: nobody was reached) */
  failed: string | null;
}

const AUTOMATIC_ATTEMPTS = 4; // about ten seconds; then the person is told, and may press

export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing on plain-http pages
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  private pumping = false;
  private wake: (() => void) | null = null;
  /** Of the last attempt: null when it reached the server. */
  trouble: ApiError | null = null;

  constructor(
    private readonly storage: Storage,
    private readonly deliver: (draft: Draft) => Promise<void>,
    private readonly changed: () => void,
  ) {
    storage.onChange("outbox", changed); // another tab sent or wrote something
  }

  get drafts(): Draft[] {
    try {
      const stored: unknown = JSON.parse(this.storage.get("outbox") ?? "[]");
      return Array.isArray(stored) ? (stored as Draft[]) : [];
    } catch {
      return []; // not ours
    }
  }

  private save(drafts: Draft[]): void {
    this.storage.set("outbox", drafts.length ? JSON.stringify(drafts) : null);
    this.changed();
  }

  add(text: string, files: FileView[]): void {
    this.save([...this.drafts, { client_id: newId(), text, ...(files.length && { files }), conversation: null, failed: null }]);
    void this.pump();
  }

  update(id: string, change: Partial<Draft>): void {
    this.save(this.drafts.map((draft) => (draft.client_id === id ? { ...draft, ...change } : draft)));
  }

  remove(id: string): void {
    if (this.drafts.some((draft) => draft.client_id === id)) this.save(this.drafts.filter((draft) => draft.client_id !== id));
  }

  retry(id: string): void {
    this.update(id, { failed: null });
    this.hurry();
  }

  clear(): void {
    this.save([]);
  }

  /** Sends now what waits, also what nobody was reached for before: the network is back. */
  hurry(): void {
    if (this.drafts.some((draft) => draft.failed === ""))
      this.save(this.drafts.map((draft) => (draft.failed === "" ? { ...draft, failed: null } : draft)));
    this.wake?.();
    void this.pump();
  }

  private async pump(): Promise<void> {
    if (this.pumping) return;
    this.pumping = true;
    let attempts = 0;
    let draft: Draft | undefined;
    while ((draft = this.drafts.find((one) => one.failed === null))) {
      const id = draft.client_id;
      try {
        await this.deliver(draft);
        this.trouble = null;
        attempts = 0;
        this.remove(id);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error; // a fault of ours; the draft is still stored
        this.trouble = error;
        if (!error.passing) this.update(id, { failed: error.message || error.code });
        else if (++attempts >= AUTOMATIC_ATTEMPTS) this.giveUp();
        else await this.pause(Math.max(error.retryAfterMs, backoffMs(attempts)));
      }
    }
    this.pumping = false;
    this.changed();
  }

  /** Nobody is reached: all that waits is shown as not sent, in its order. */
  private giveUp(): void {
    this.save(this.drafts.map((draft) => ({ ...draft, failed: draft.failed ?? "" })));
  }

  private pause(ms: number): Promise<void> {
    this.changed(); // the banner says what is going on
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.wake = done;
    });
  }
}
