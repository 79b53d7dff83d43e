/** Everything about files and voice notes. Loaded when the first one is there: most chats never have one. */
import { useDesk } from "../context";
import { addStyles } from "../styles";
import { Dictate } from "./Dictate";
import { TrayView } from "./TrayView";
import type { Tray } from "./tray";
import { Voice } from "./Voice";
import styles from "./attach.css?inline";

addStyles(styles);

export { Shown } from "./Shown";
export { Tray } from "./tray";

/** What stands above the field. `onVoice`: where the words of the voice note go that is being recorded. */
export function Above({ tray, onVoice }: { tray: Tray | null; onVoice: ((text: string) => void) | null }) {
  const Speaking = useDesk().view.config?.voice?.browser ? Dictate : Voice;
  return (
    <>
      {tray && <TrayView tray={tray} />}
      {onVoice && <Speaking onEnd={onVoice} />}
    </>
  );
}
