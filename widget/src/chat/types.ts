/** What the visitor API answers, as far as the chat reads it. Fields named `html` are rendered and cleaned by the server. */

import type { Words } from "./texts";

export type Holder = "assistant" | "queue" | "agent" | "closed";
export type Author = "visitor" | "assistant" | "agent" | "system";

export interface Citation {
  n: number;
  document: string;
  title: string;
  url: string | null;
  quote: string;
  /** [start, end) in the message's text, in characters (code points): what this citation proves. */
  sentences?: [number, number][];
}

/** A file of a message; a picture has its size in pixels. */
export interface FileView {
  id: string;
  name: string;
  type: string;
  size: number;
  width?: number | null;
  height?: number | null;
}

export interface Message {
  id: string;
  seq: number;
  author: Author;
  name?: string | null;
  text: string;
  html?: string;
  at?: string;
  state?: "streaming" | "done" | "interrupted";
  attempt?: number;
  client_id?: string | null;
  outcome?: "reply" | "clarify" | "handoff" | null;
  kind?: string | null;
  citations?: Citation[];
  offer_person?: boolean;
  choices?: string[];
  helpful?: boolean | null;
  attachments?: FileView[];
  /** Why not, where the visitor has just said it. */
  reason?: Reason;
}

export interface Ticket {
  number: number | string;
  status?: string;
}

export interface Conversation {
  id: string;
  holder: Holder;
  agent_name?: string | null;
  ticket?: Ticket | null;
  last_event: number;
  messages: Message[];
}

export interface Config {
  site: { name: string; key: string };
  look: {
    accent?: string;
    on_accent?: string;
    /** The accent as text, in shades that can be read on our surfaces. */
    ink?: { light: string; dark: string };
    position?: "left" | "right";
    launcher_text?: string;
    scheme?: "light" | "dark";
    /** Pixels from the page's edges to the launcher. */
    side?: number;
    bottom?: number;
    /** The logo's address. */
    logo?: string;
  };
  texts: Record<string, string | null | undefined>;
  hours_line?: string | null;
  quick_replies?: string[];
  ask?: Ask | null;
  /** What the launcher may have said: the first line of who pressed that. */
  nudges?: string[];
  locale?: string;
  /** Only where the language is another than the page's, whose words came with it. */
  words?: Words;
  limits?: { message_max_chars?: number };
  /** What may be attached, where anything may. */
  files?: { accept: string; max_bytes: number; most: number } | null;
  /** A copy of the conversation can be mailed. */
  mail?: boolean;
  /** Voice notes are written down: by the desk, or by the browser. */
  voice?: { max_seconds?: number; browser?: boolean } | null;
}

export interface Session {
  token: string;
  conversation: string | null;
  visitor: { id: string; verified: boolean };
}

/** What is asked before the first message: "optional", "required", or nothing; `consent` are the words to agree to. */
export interface Ask {
  name: string;
  email: string;
  own: string;
  question: string;
  consent: string;
  words: Record<string, string>;
}

/** What the visitor filled in, by the form's names. */
export type Intake = Record<string, FormDataEntryValue>;

/** A conversation in the list. */
export interface Line {
  id: string;
  holder: Holder;
  last_text: string;
  last_message_at: string;
}

export type Reason = "off_topic" | "incomplete" | "wrong" | "unclear";

export interface PassageView {
  title: string;
  url: string | null;
  heading_path?: string | string[] | null;
  before: string;
  quote: string;
  after: string;
  page?: number | null;
}

export type Event =
  | { type: "message"; data: Message }
  | { type: "answer.start"; data: { message: string; seq: number; attempt: number; reply_to?: string } }
  | { type: "answer.part"; data: { message: string; attempt: number; offset: number; text: string; html: string; citations: number[] } }
  | {
      type: "answer.done";
      data: Pick<Message, "state" | "outcome" | "kind" | "citations" | "offer_person" | "choices"> & {
        message: string;
        attempt: number;
        text: string;
        html: string;
      };
    }
  | { type: "holder"; data: { holder: Holder; name?: string | null } }
  | { type: "ticket"; data: Ticket }
  | { type: "typing"; data: { who: string; until: string } }
  | { type: "reconnect" | "superseded"; data: unknown };
