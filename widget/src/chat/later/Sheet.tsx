/** A panel that rises over the conversation. A modal dialog of the browser's own: it holds the focus, closes with Escape
 *  and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useDesk } from "../context";
import { CloseIcon } from "../icons";

interface Props {
  /** The small line above the title. */
  head?: ComponentChildren;
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Sheet({ head, title, onClose, children }: Props) {
  const { t } = useDesk().view;
  const dialog = useRef<HTMLDialogElement>(null);
  // Before it is painted: who presses Escape at once would else shut the chat behind a panel that then opens.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const close = () => dialog.current?.close();
  const heading = <h2 id="sheet-title">{title}</h2>;
  return (
    <dialog ref={dialog} class="sheet" aria-labelledby="sheet-title" onClose={onClose} onClick={(event) => event.target === dialog.current && close()}>
      <div class="sheet-body">
        <header>
          {head ?? heading}
          <button type="button" aria-label={t("back")} title={t("back")} onClick={close}>
            <CloseIcon />
          </button>
        </header>
        {head && heading}
        {children}
      </div>
    </dialog>
  );
}
