/** One line on what is going on with the connection, while something is. */
import { useDesk } from "./context";

export function Banner() {
  const { view } = useDesk();
  return (
    <div role="status" class="banner-place">
      {view.banner && <p class="banner">{view.t(view.banner)}</p>}
    </div>
  );
}
