"""The site's accent in shades that can be read on the widget's surfaces, worked out here so that the widget need not."""

from minidesk.sites.config import CONTRAST, contrast

# The widget's surface that is nearer to mid-grey, light and dark (widget/src/tokens.css).
SURFACES = {"light": "#F6F5F2", "dark": "#1E201D"}
STEPS = 20


def accent_ink(accent: str, mode: str) -> str:
    """`accent` as text: itself where it can be read, else the nearest step towards black or white that can."""
    surface, end = SURFACES[mode], 0 if mode == "light" else 255
    channels = [int(accent[n : n + 2], 16) for n in (1, 3, 5)]
    for step in range(STEPS + 1):
        mixed = "#" + "".join(f"{round(c + (end - c) * step / STEPS):02X}" for c in channels)
        if contrast(mixed, surface) >= CONTRAST:
            return mixed
    return f"#{end:02X}{end:02X}{end:02X}"
