/**
 * What the host page's loader and the chat frame say to each other with postMessage, checked on both sides:
 * the sender's window and exact origin by the listener, the form by `read…`. Neither side ever sends to "*".
 */

/** From the page to the frame. */
export type ToFrame =
  | { type: "hello"; page: string; title: string; locale: string; inline: boolean }
  | { type: "visible"; open: boolean; focus: boolean }
  | { type: "identify"; token: string }
  | { type: "context"; page: string; title: string }
  | { type: "reset" };

/** From the frame to the page. Only what the button needs; no text of a conversation. */
export type ToPage =
  | { type: "ready" }
  | { type: "look"; accent: string; onAccent: string; position: "left" | "right"; label: string; open: string; close: string }
  | { type: "unread"; count: number }
  | { type: "active"; active: boolean }
  | { type: "close" }
  | { type: "message"; author: string };

type Shape = Record<string, "string" | "number" | "boolean">;

const toFrame: Record<ToFrame["type"], Shape> = {
  hello: { page: "string", title: "string", locale: "string", inline: "boolean" },
  visible: { open: "boolean", focus: "boolean" },
  identify: { token: "string" },
  context: { page: "string", title: "string" },
  reset: {},
};

const toPage: Record<ToPage["type"], Shape> = {
  ready: {},
  look: { accent: "string", onAccent: "string", position: "string", label: "string", open: "string", close: "string" },
  unread: { count: "number" },
  active: { active: "boolean" },
  close: {},
  message: { author: "string" },
};

/** Marks our messages among all that pass between windows. */
export const MARK = "minidesk1";

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
