/** When a message came, in the reader's own way of writing it. */

export const exact = (at: string | undefined, locale: string): string =>
  at ? new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at)) : "";

/** A line between messages that lie more than an hour apart; null where none is needed. */
export function divider(before: string | undefined, at: string | undefined, locale: string, today: string): string | null {
  if (!at) return null;
  const [then, now] = [new Date(at), new Date()];
  const gap = before ? then.getTime() - Date.parse(before) : now.getTime() - then.getTime();
  if (!(gap > 3_600_000)) return null;
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" }).format(then);
  if (then.toDateString() === now.toDateString()) return `${today} ${time}`;
  return `${new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" }).format(then)}, ${time}`;
}
