import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Chat, View } from "./chat";

export interface Desk {
  chat: Chat;
  view: View;
  /** Opens the passage panel for citation n of a message. */
  openPassage(message: string, n: number): void;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("A component of the chat was drawn outside of App.");
  return desk;
}
