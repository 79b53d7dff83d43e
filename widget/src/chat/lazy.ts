/** Parts in files of their own: fetched when they are first needed, again after a failure, and then kept. */
import { useEffect, useState } from "preact/hooks";

const AGAIN_MS = 3000;

let words = (): Promise<unknown> => Promise.resolve();

/** Who brings the words of these parts. */
export function wordsBy(bring: () => Promise<unknown>): void {
  words = bring;
}

function part<T extends object>(fetch: () => Promise<T>) {
  let there: T | null = null;
  let loading: Promise<T | null> | null = null;
  /** null where it cannot be loaded now; the next call tries again. */
  const load = () =>
    (loading ??= Promise.all([fetch(), words()]).then(
      ([found]) => (there = found),
      () => (loading = null),
    ));
  /** null until it is there. */
  const use = (wanted = true): T | null => {
    const [, redraw] = useState(0);
    const had = there;
    useEffect(() => {
      let left = false;
      const again = async (): Promise<void> => {
        const found = await load();
        if (left) return;
        if (found) redraw((n) => n + 1);
        else setTimeout(again, AGAIN_MS);
      };
      if (wanted && !had) void again();
      return () => {
        left = true;
      };
    }, [wanted]);
    return wanted ? there : null;
  };
  return { load, use };
}

/** Answers and all that belongs to them: with the first message. */
export const later = part(() => import("./later/index"));
/** Files and voice notes: most chats never have one. */
export const attach = part(() => import("./attach/index"));
/** The form before the first message: most sites have none. */
export const intake = part(() => import("./intake/index"));
export type Attach = typeof import("./attach/index");
export type Later = typeof import("./later/index");
