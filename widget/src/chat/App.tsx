/** The chat, put together. */
import { useEffect, useState } from "preact/hooks";
import { Banner } from "./Banner";
import { Before } from "./Before";
import type { Chat } from "./chat";
import { Composer } from "./Composer";
import { DeskContext } from "./context";
import { Header } from "./Header";
import { later } from "./lazy";
import { Log } from "./Log";
import type { Storage } from "./storage";

interface Props {
  chat: Chat;
  storage: Storage;
  onClose: (() => void) | null;
  /** Rises each time that the panel was opened: the composer takes the focus. */
  focusOn: number;
}

export function App({ chat, storage, onClose, focusOn }: Props) {
  const [view, setView] = useState(chat.view);
  const [more, setMore] = useState(false);
  const [cited, setCited] = useState<{ message: string; n: number } | null>(null);
  const part = later.use(more || cited !== null);
  useEffect(() => {
    setView(chat.view); // it may have changed before this watch began
    return chat.watch(() => setView(chat.view));
  }, [chat]);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.isComposing && !document.querySelector("dialog[open]")) onClose?.();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [onClose]);

  return (
    <DeskContext.Provider value={{ chat, view, openPassage: (message, n) => setCited({ message, n }) }}>
      <Header onClose={onClose} onMore={() => setMore(true)} />
      <Banner />
      <main>
        <Log />
        {view.asking ? <Before focusOn={focusOn} /> : <Composer storage={storage} focusOn={focusOn} />}
      </main>
      {part && more && <part.More onClose={() => setMore(false)} />}
      {part && cited && <part.Passage key={`${cited.message} ${cited.n}`} {...cited} onClose={() => setCited(null)} />}
    </DeskContext.Provider>
  );
}
