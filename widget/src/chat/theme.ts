/** The site's own accent in place of ours. Set through the CSSOM: the page's policy refuses style attributes and elements. */
import type { Config } from "./types";

const OURS = "#1f5f5b"; // has its own, hand-made dark shades in tokens.css

/** @returns the colours in use, for the button on the host page */
export function theme({ accent = "", on_accent, ink }: Config["look"]): { accent: string; onAccent: string } {
  const own = /^#[0-9a-f]{6}$/i.test(accent) && accent.toLowerCase() !== OURS;
  const onAccent = on_accent ?? "#ffffff";
  const mode = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const shades = {
    "--accent": accent,
    "--on-accent": onAccent,
    "--accent-ink": ink?.[mode] ?? accent,
    "--accent-soft": `color-mix(in srgb, ${accent} 14%, var(--surface))`,
  };
  for (const [name, shade] of Object.entries(shades)) document.documentElement.style.setProperty(name, own ? shade : "");
  return own ? { accent, onAccent } : { accent: OURS, onAccent: "#ffffff" };
}
