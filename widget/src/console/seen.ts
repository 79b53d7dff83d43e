/** Notes that name the agent are read once they have stood on the page that somebody looks at. */

export function seen(element: HTMLElement): () => void {
  const form = element as HTMLFormElement;
  const look = () => document.visibilityState === "visible" && form.isConnected && form.requestSubmit();
  const soon = window.setTimeout(look, 1000);
  document.addEventListener("visibilitychange", look);
  return () => {
    window.clearTimeout(soon);
    document.removeEventListener("visibilitychange", look);
  };
}
