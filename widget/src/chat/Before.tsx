/** Where one writes, as long as the site asks something first. The form is a file of its own: most sites have none. */
import { useEffect, useState } from "preact/hooks";

type Part = typeof import("./intake/index");

const AGAIN_MS = 3000;

export function Before({ focusOn }: { focusOn: number }) {
  const [part, setPart] = useState<Part>();
  const fetch = (): void => void import("./intake/index").then(setPart, () => setTimeout(fetch, AGAIN_MS));
  useEffect(fetch, []);
  return part ? <part.Form focusOn={focusOn} /> : <div class="composer" />;
}
