/** Everything about files and voice notes. Loaded when the first one is there: most chats never have one. */
import { TrayView } from "./TrayView";
import type { Tray } from "./tray";
import { Voice } from "./Voice";
import styles from "./attach.css?url"; // linked by hand: Vite's own way brings a helper of 0.7 KB into every chat

const sheet = document.createElement("link");
sheet.rel = "stylesheet";
sheet.href = styles;
document.head.append(sheet);

export { Shown } from "./Shown";
export { Tray } from "./tray";

/** What stands above the field. `onVoice`: where the words of the voice note go that is being recorded. */
export function Above({ tray, onVoice }: { tray: Tray | null; onVoice: ((text: string) => void) | null }) {
  return (
    <>
      {tray && <TrayView tray={tray} />}
      {onVoice && <Voice onEnd={onVoice} />}
    </>
  );
}
