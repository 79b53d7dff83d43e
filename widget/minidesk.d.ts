/** What `minidesk(…)` takes in a page that embeds the widget. Copy this file beside your sources, or reference it. */

interface MinideskContext {
  /** Instead of the page's own address, which is told without its query. */
  page?: string;
  title?: string;
  /** A language tag; otherwise the page's `lang`. */
  locale?: string;
  /** Up to 20 facts for the agent: names of up to 40 characters, texts of up to 200. */
  attributes?: Record<string, string | number | boolean>;
}

interface MinideskEvents {
  ready: undefined;
  open: undefined;
  close: undefined;
  /** How many messages nobody has looked at. */
  unread: number;
  message: { author: "visitor" | "assistant" | "agent" | "system" };
  /** A ticket was opened or changed. */
  handoff: { number: number };
  /** `identity_invalid`, `origin_not_allowed` and other codes of the API. */
  error: { code: string };
}

interface Minidesk {
  (command: "open" | "close" | "toggle" | "reset"): void;
  (command: "send", text: string): void;
  (command: "locale", tag: string): void;
  /** A JSON Web Token that your server signed for whoever is signed in. */
  (command: "identify", token: string): void;
  (command: "context", context: MinideskContext): void;
  <Name extends keyof MinideskEvents>(command: "on" | "off", event: Name, listener: (data: MinideskEvents[Name]) => void): void;
  /** Calls from before the widget was there. */
  q?: ArrayLike<unknown>[];
}

declare var minidesk: Minidesk;
