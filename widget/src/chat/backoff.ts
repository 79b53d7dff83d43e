/** How long to wait before attempt n (from 1): 1, 2, 4, 8, then 15 s, each a random quarter less, so that a thousand
 *  visitors do not come back in the same moment after a restart. */
export function backoffMs(attempt: number): number {
  return Math.min(15_000, 1000 * 2 ** (attempt - 1)) * (0.75 + Math.random() / 4);
}
