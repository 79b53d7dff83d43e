/** Where one writes, as long as the site asks something first. */
import { intake } from "./lazy";

export function Before({ focusOn }: { focusOn: number }) {
  const part = intake.use();
  return part ? <part.Form focusOn={focusOn} /> : <div class="composer" />;
}
