/** A conversation as the visitor sees it. */
import type { Conversation, Holder, Message, Ticket } from "./types";

/** Where in the text (in characters) which citations belong: at the end of the sentence that they prove. */
export interface Mark {
  end: number;
  numbers: number[];
}

export interface Item extends Message {
  marks: Mark[];
}

export interface State {
  id: string | null;
  holder: Holder;
  agent: string | null;
  ticket: Ticket | null;
  items: Item[]; // by seq
  typing: { name: string | null; until: number } | null;
}

export const EMPTY: State = { id: null, holder: "assistant", agent: null, ticket: null, items: [], typing: null };

export function marksOf(message: Pick<Message, "citations">): Mark[] {
  const byEnd = new Map<number, number[]>();
  for (const { n, sentences } of message.citations ?? [])
    for (const [, end] of sentences ?? []) byEnd.set(end, [...(byEnd.get(end) ?? []), n].sort((a, b) => a - b));
  return [...byEnd].map(([end, numbers]) => ({ end, numbers })).sort((a, b) => a.end - b.end);
}

export function fromConversation(conversation: Conversation): State {
  return {
    id: conversation.id,
    holder: conversation.holder,
    agent: conversation.agent_name ?? null,
    ticket: conversation.ticket ?? null,
    items: conversation.messages.map((message) => ({ ...message, marks: marksOf(message) })).sort((a, b) => a.seq - b.seq),
    typing: null,
  };
}

/** Adds a message or puts it in the place of what is known of it. */
export function withMessage(state: State, message: Message): State {
  const others = state.items.filter((item) => item.id !== message.id);
  const known = state.items.find((item) => item.id === message.id);
  const marks = marksOf(message);
  const kept = marks.length || !message.text ? marks : (known?.marks ?? []);
  const items = [...others, { ...known, ...message, marks: kept }].sort((a, b) => a.seq - b.seq);
  return { ...state, items, typing: message.author === "agent" ? null : state.typing };
}
