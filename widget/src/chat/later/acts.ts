/** What only the late parts ask of the server. */
import type { Chat } from "../chat";
import type { Line, PassageView } from "../types";

export const passageOf = (chat: Chat, message: string, n: number): Promise<PassageView> =>
  chat.api.call("GET", `/messages/${encodeURIComponent(message)}/citations/${n}`);

/** The visitor's other conversations, the latest first. */
export async function conversations(chat: Chat): Promise<Line[]> {
  const { conversations: lines } = await chat.api.call<{ conversations: Line[] }>("GET", "/conversations");
  return lines.filter((line) => line.last_text && line.id !== chat.view.state.id);
}

/** An address below this conversation's. */
export const inConversation = (chat: Chat, what: string) => `/conversations/${encodeURIComponent(chat.view.state.id ?? "")}/${what}`;

/** Gives the conversation to the visitor as a file. */
export async function download(chat: Chat): Promise<void> {
  const { name, text } = await chat.api.call<{ name: string; text: string }>("GET", inConversation(chat, `transcript?locale=${document.documentElement.lang}`));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Has the desk mail it. */
export const mailCopy = (chat: Chat, address: string): Promise<unknown> =>
  chat.api.call("POST", inConversation(chat, "transcript/mail"), { address, locale: document.documentElement.lang });
