/**
 * What the host page's loader and the chat frame say to each other with postMessage, checked on both sides:
 * the sender's window and exact origin by the listener, the form by `read…`. Neither side ever sends to "*".
 */

/** From the page to the frame. `page` comes first and again after each change; it is the whole of what the page says. */
export type ToFrame =
  | {
      type: "page";
      page: string;
      title: string;
      locale: string;
      /** JSON of what the page told of the visitor. */
      attributes: string;
      /** A signed identity, or nothing. */
      token: string;
      inline: boolean;
      open: boolean;
      /** Rises each time that a person opened the panel: the composer takes the focus. */
      focus: number;
    }
  | { type: "send"; text: string }
  /** The visitor pressed what the launcher said: which of the site's lines, not its words. */
  | { type: "greet"; nudge: number }
  | { type: "reset" };

/** From the frame to the page. Only what the button needs; no text of a conversation. */
export type ToPage =
  | { type: "ready" }
  | { type: "look"; accent: string; onAccent: string; position: "left" | "right"; label: string; side: string; bottom: string; open: string; close: string }
  | { type: "unread"; count: number }
  | { type: "active"; active: boolean }
  | { type: "close" }
  /** For the page's own listeners: "message" {author}, "handoff" {number}, "error" {code}. */
  | { type: "event"; name: string; detail: object };

type Shape = Record<string, "string" | "number" | "boolean" | "object">;

const toFrame: Record<ToFrame["type"], Shape> = {
  page: {
    page: "string",
    title: "string",
    locale: "string",
    attributes: "string",
    token: "string",
    inline: "boolean",
    open: "boolean",
    focus: "number",
  },
  send: { text: "string" },
  greet: { nudge: "number" },
  reset: {},
};

const toPage: Record<ToPage["type"], Shape> = {
  ready: {},
  look: { accent: "string", onAccent: "string", position: "string", label: "string", side: "string", bottom: "string", open: "string", close: "string" },
  unread: { count: "number" },
  active: { active: "boolean" },
  close: {},
  event: { name: "string", detail: "object" },
};

/** Marks our messages among all that pass between windows. */
export const MARK = "minidesk2";

function read(shapes: Record<string, Shape>, data: unknown): unknown {
  if (typeof data !== "object" || data === null) return null;
  const message = data as Record<string, unknown>;
  const type = message["type"];
  if (message["mark"] !== MARK || typeof type !== "string" || !Object.hasOwn(shapes, type)) return null;
  const fields = Object.entries(shapes[type] as Shape);
  return fields.every(([name, kind]) => typeof message[name] === kind) ? message : null;
}

export const readToFrame = (data: unknown) => read(toFrame, data) as ToFrame | null;
export const readToPage = (data: unknown) => read(toPage, data) as ToPage | null;
