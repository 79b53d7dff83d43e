/** The files of a message. */
import { attach } from "./lazy";
import type { FileView } from "./types";

export function Files({ of }: { of: FileView[] | undefined }) {
  const part = attach.use(Boolean(of?.length));
  return part && of?.length ? <part.Shown of={of} /> : null;
}
