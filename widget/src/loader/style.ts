/** The button and the panel. Colours come through custom properties, so no style element or attribute is ever needed.
 *  The line ends are escaped: each would be a byte in every page of the shop. */
export const css = `\
:host{all:initial;--accent:#1f5f5b;--onAccent:#fff;--side:20px;--bottom:20px;font:15px/22px system-ui}\
*{box-sizing:border-box}\
button,div{position:fixed;bottom:var(--bottom);inset-inline-end:var(--side);z-index:2147483000;transition:.14s;box-shadow:0 4px 24px #0000003d}\
:host(.left) :is(button,div){inset-inline:var(--side) auto}\
button{display:flex;align-items:center;justify-content:center;gap:8px;height:56px;min-width:56px;padding:0 15px;border:0;border-radius:28px;background:var(--accent);color:var(--onAccent);font:inherit;font-weight:600;cursor:pointer}\
button:focus-visible{outline:2px solid var(--accent);outline-offset:3px}\
svg{width:26px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}\
svg+svg,:is(b,span):empty,[aria-expanded=true] :is(svg,span){display:none}\
[aria-expanded=true] svg+svg{display:block}\
b{position:absolute;top:-4px;inset-inline-end:-4px;min-width:22px;padding:0 5px;border-radius:11px;background:#a32a1e;color:#fff;font-size:13px;text-align:center}\
div{bottom:calc(var(--bottom) + 72px);width:min(392px,100vw - 40px);height:min(680px,100dvh - 116px);border-radius:16px;overflow:hidden;background:Canvas;color:CanvasText;color-scheme:light dark}\
.shut{visibility:hidden;opacity:0;transform:translateY(8px)}\
iframe{position:absolute;inset:0;width:100%;height:100%;border:0;visibility:hidden}\
.ready iframe{visibility:inherit}\
p{padding:24px}\
:host(.inline){display:block;height:100%;min-height:480px}\
:host(.inline) div{position:relative;inset:0!important;width:100%;height:100%;min-height:inherit;z-index:0}\
:host(.inline) button{display:none}\
@media (max-width:480px),(max-height:480px){:host(:not(.inline)) div{inset:0!important;width:100%;height:var(--seen,100%);border-radius:0}[aria-expanded=true]{display:none!important}}\
@media (prefers-reduced-motion:reduce){*{transition:none!important}}\
`;
