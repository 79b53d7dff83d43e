/** A conversation as the visitor sees it, and what each event does to it. Pure: the same events give the same state. */
import type { Conversation, Event, Holder, Message, Ticket } from "./types";

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

/** The server counts characters (code points); a string's own length counts an emoji twice. */
const characters = (text: string): number => [...text].length;

function marksOf(message: Pick<Message, "citations">): Mark[] {
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

function change(state: State, id: string, update: (item: Item) => Item): State {
  return { ...state, items: state.items.map((item) => (item.id === id ? update(item) : item)) };
}

/** @returns null when something before this event is missing here: the conversation must be fetched again */
export function apply(state: State, event: Event): State | null {
  switch (event.type) {
    case "message":
      return withMessage(state, event.data);
    case "answer.start": {
      const { message: id, seq, attempt } = event.data;
      const known = state.items.find((item) => item.id === id);
      if (known && (known.attempt ?? 0) >= attempt) return state; // told again
      // A new attempt starts from nothing: what the one before had shown is replaced.
      return withMessage(state, { id, seq, attempt, author: "assistant", text: "", html: "", state: "streaming", citations: [] });
    }
    case "answer.part":
      return part(state, event.data);
    case "answer.done": {
      const { message: id, ...done } = event.data;
      const known = state.items.find((item) => item.id === id);
      if (!known) return null;
      if ((known.attempt ?? 0) > done.attempt) return state;
      const marks = marksOf(done);
      return change(state, id, (item) => ({ ...item, ...done, state: done.state ?? "done", marks: marks.length ? marks : item.marks }));
    }
    case "holder":
      return { ...state, holder: event.data.holder, agent: event.data.name ?? null, typing: null };
    case "ticket":
      return { ...state, ticket: event.data };
    case "typing":
      if (event.data.who === "visitor") return state;
      return { ...state, typing: { name: state.agent, until: Date.parse(event.data.until) } };
    default:
      return state; // a newer server's event; the stream itself handles `reconnect`
  }
}

function part(state: State, data: Extract<Event, { type: "answer.part" }>["data"]): State | null {
  const known = state.items.find((item) => item.id === data.message);
  if (!known || (known.attempt ?? 0) < data.attempt) return null; // its start was missed
  if ((known.attempt ?? 0) > data.attempt || known.state !== "streaming") return state; // of an attempt that was replaced
  const before = characters(known.text);
  const end = data.offset + characters(data.text);
  if (data.offset > before) return null; // a part between is missing
  if (end <= before) return state; // told again
  const text = [...known.text].slice(0, data.offset).join("") + data.text;
  const marks = [...known.marks.filter((mark) => mark.end <= data.offset), { end, numbers: data.citations ?? [] }];
  return change(state, data.message, (item) => ({ ...item, text, html: data.html, marks }));
}
