/** The files of a message. They are fetched with the token and shown from memory: no address of theirs can be handed on. */
import { useEffect, useState } from "preact/hooks";
import type { Chat } from "../chat";
import { useDesk } from "../context";
import { line } from "../icons";
import { later } from "../lazy";
import type { FileView } from "../types";

const FileIcon = line("M6 3h8l4 4v14H6zM14 3v4h4");
const WIDEST = 240; // pixels, of a picture in a bubble
const HIGHEST = 200;

/** By id, as long as the page lives: a picture that scrolls by again is not fetched again. */
const fetched = new Map<string, Promise<string>>();

function address(chat: Chat, id: string): Promise<string> {
  let found = fetched.get(id);
  if (!found) {
    found = chat.api.blob(`/attachments/${encodeURIComponent(id)}`).then((blob) => URL.createObjectURL(blob));
    found.catch(() => fetched.delete(id)); // the next look tries again
    fetched.set(id, found);
  }
  return found;
}

export function Shown({ of }: { of: FileView[] }) {
  return (
    <ul class="files">
      {of.map((file) => (
        <li key={file.id}>{file.width && file.height ? <Picture file={file} /> : <Other file={file} />}</li>
      ))}
    </ul>
  );
}

function Picture({ file }: { file: FileView }) {
  const { chat, view } = useDesk();
  const { t } = view;
  const [source, setSource] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  const [large, setLarge] = useState(false);
  const part = later.use(large);
  const load = () => {
    setFailed(false);
    address(chat, file.id).then(setSource, () => setFailed(true));
  };
  useEffect(load, [file.id]);
  const scale = Math.min(1, WIDEST / file.width!, HIGHEST / file.height!);
  const size = { width: Math.max(24, Math.round(file.width! * scale)), height: Math.max(24, Math.round(file.height! * scale)) };
  if (failed)
    return (
      <button type="button" class="file" onClick={load}>
        <FileIcon /> <bdi>{file.name}</bdi> <span>{t("retry")}</span>
      </button>
    );
  return (
    <>
      <button type="button" class="picture" aria-label={t("open_file", { name: file.name })} title={file.name} disabled={!source} onClick={() => setLarge(true)}>
        {source ? <img src={source} alt="" {...size} /> : <svg {...size} aria-hidden="true" />}
      </button>
      {part && source && (
        <part.Sheet title={file.name} onClose={() => setLarge(false)}>
          <img class="large" src={source} alt={file.name} />
        </part.Sheet>
      )}
    </>
  );
}

function Other({ file }: { file: FileView }) {
  const { chat, view } = useDesk();
  const { t } = view;
  const [failed, setFailed] = useState(false);
  const save = () => {
    setFailed(false);
    address(chat, file.id).then(
      (source) => {
        const link = document.createElement("a");
        link.href = source;
        link.download = file.name;
        link.click();
      },
      () => setFailed(true),
    );
  };
  return (
    <button type="button" class="file" title={file.name} onClick={save}>
      <FileIcon /> <bdi>{file.name}</bdi>{" "}
      <span role={failed ? "alert" : undefined}>{failed ? t("load_failed") : size(file.size)}</span>
    </button>
  );
}

const size = (bytes: number): string => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1000)} KB`);
