/** The files above the field: what is attached, how far it is, and what to do where it failed. */
import { useDesk } from "../context";
import { AlertIcon, CloseIcon } from "../icons";
import type { Tray } from "./tray";

export function TrayView({ tray }: { tray: Tray }) {
  const { t } = useDesk().view;
  if (!tray.entries.length && !tray.refused) return null;
  const last = tray.ready.at(-1);
  return (
    <div class="tray">
      <ul aria-label={t("attached")}>
        {tray.entries.map((entry) => (
          <li key={entry.key} class={entry.problem === null ? "" : "failed"}>
            {entry.preview && <img src={entry.preview} alt="" />}
            <span class="tray-name">
              <bdi>{entry.file.name}</bdi>
              {entry.problem === null ? (
                !entry.view && <progress max={1} value={entry.progress} aria-label={t("uploading", { name: entry.file.name })} />
              ) : (
                <span role="alert">
                  <AlertIcon /> {entry.problem || t("failed")}{" "}
                  {entry.again && (
                    <button type="button" onClick={() => tray.retry(entry)}>
                      {t("retry")}
                    </button>
                  )}
                </span>
              )}
            </span>
            <button type="button" class="tray-remove" aria-label={t("remove_file", { name: entry.file.name })} title={t("remove_file", { name: entry.file.name })} onClick={() => tray.remove(entry)}>
              <CloseIcon />
            </button>
          </li>
        ))}
      </ul>
      {tray.refused && (
        <p class="hint alarm" role="alert">
          {tray.refused}
        </p>
      )}
      <p class="hidden" role="status">
        {last && !tray.busy && `${t("attached")}: ${last.name}`}
      </p>
    </div>
  );
}
