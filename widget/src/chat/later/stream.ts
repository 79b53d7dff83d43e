/** One conversation's events, kept flowing: reads, resumes after the last id, and waits longer after each failure. */
import { type Api, PREFIX } from "../api";
import { backoffMs } from "../backoff";
import { EventParser } from "./sse";
import type { Event } from "../types";

/** The server pings every 15 s; three missed mean that nobody is there, although the connection looks open. */
const SILENCE_MS = 45_000;

/** Too many tabs of one visitor: the oldest gives way. It comes back when somebody looks at it, or after this long. */
const SUPERSEDED_MS = 600_000;

export interface StreamWatcher {
  event(event: Event): void;
  /** `lost` after the second failure in a row: a single hiccup is not worth a banner. */
  connection(state: "open" | "lost"): void;
  /** The server does not know the conversation or the visitor any more. */
  gone(): void;
}

export class Stream {
  private readonly stopped = new AbortController();
  private wake: (() => void) | null = null;
  private failures = 0;
  private superseded = false;

  /** @param last the last event that the state already contains */
  constructor(
    private readonly api: Api,
    private readonly conversation: string,
    private last: number,
    private readonly watcher: StreamWatcher,
  ) {
    void this.run();
  }

  stop(): void {
    this.stopped.abort();
    this.wake?.();
  }

  /** Tries at once: the network is back, or the person looks at the page again. */
  hurry(): void {
    this.wake?.();
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      const outcome = await this.read().catch(() => "failed" as const); // the network broke off
      if (this.stopped.signal.aborted) return;
      if (outcome === "gone") return this.watcher.gone();
      if (this.superseded) {
        await this.pause(SUPERSEDED_MS);
        this.superseded = false;
        continue;
      }
      this.failures = outcome === "ended" ? 0 : this.failures + 1;
      if (this.failures > 1) this.watcher.connection("lost");
      // A clean end is a restart or a proxy's time limit: come back soon, but not all at once nor in a tight loop.
      await this.pause(outcome === "ended" ? 300 + Math.random() * 700 : backoffMs(this.failures));
    }
  }

  private pause(ms: number): Promise<void> {
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

  private async read(): Promise<"ended" | "gone" | "failed"> {
    const silent = new AbortController();
    let watchdog = setTimeout(() => silent.abort(), SILENCE_MS);
    try {
      const response = await fetch(`${PREFIX}/conversations/${encodeURIComponent(this.conversation)}/events`, {
        headers: { ...this.api.headers(), accept: "text/event-stream", "last-event-id": String(this.last) },
        cache: "no-store",
        credentials: "omit",
        signal: AbortSignal.any([this.stopped.signal, silent.signal]),
      });
      if ([401, 403, 404].includes(response.status)) return "gone";
      if (!response.ok || !response.body) return "failed";
      this.failures = 0;
      this.watcher.connection("open");
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "ended";
        clearTimeout(watchdog);
        watchdog = setTimeout(() => silent.abort(), SILENCE_MS);
        for (const raw of parser.push(value)) this.deliver(raw.id, raw.type, raw.data);
      }
    } finally {
      clearTimeout(watchdog);
      silent.abort();
    }
  }

  private deliver(id: string, type: string, json: string): void {
    const n = /^\d+$/.test(id) ? Number(id) : 0;
    if (type === "superseded") this.superseded = true;
    const stored = !["typing", "reconnect", "superseded"].includes(type);
    if (stored && n && n <= this.last) return; // seen before the connection broke
    if (stored && n) this.last = n;
    let data: unknown;
    try {
      data = JSON.parse(json);
    } catch {
      return; // a proxy wrote into the stream; asking for the same event for ever would not help
    }
    this.watcher.event({ type, data } as Event);
  }
}
