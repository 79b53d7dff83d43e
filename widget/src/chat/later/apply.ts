/** What each event does to a conversation. Pure: the same events give the same state. */
import { type Item, marksOf, type State, withMessage } from "../state";
import type { Event } from "../types";

/** The server counts characters (code points); a string's own length counts an emoji twice. */
const characters = (text: string): number => [...text].length;

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
