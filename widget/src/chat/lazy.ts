/** What most chats never need, in a file of its own. */
import { useEffect, useState } from "preact/hooks";

export type Extra = typeof import("./attach/index");

let loading: Promise<Extra | null> | null = null;

/** null where it cannot be loaded now; the next call tries again. */
export function load(): Promise<Extra | null> {
  return (loading ??= import("./attach/index").catch(() => (loading = null)));
}

export function useExtra(wanted: boolean): Extra | null {
  const [extra, setExtra] = useState<Extra | null>(null);
  useEffect(() => {
    if (wanted) void load().then(setExtra);
  }, [wanted]);
  return extra;
}
