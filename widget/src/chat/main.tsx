/** Starts the chat in `<div id="app" data-site="KEY" data-origins="https://shop.example …" data-words="{…}">`. */
import "./chat.css";
import { render } from "preact";
import { App } from "./App";
import { Chat } from "./chat";
import type { ToPage } from "../protocol";
import { Host } from "./host";
import { Storage } from "./storage";
import type { Words } from "./texts";
import { keepTo, theme } from "./theme";

function start(root: HTMLElement): void {
  const html = document.documentElement;
  const { site = "", origins = "", words = "{}", scheme } = root.dataset;
  if (scheme) keepTo(scheme);
  html.dataset["words"] = html.lang; // the language that the page brought; `lang` may change
  const storage = new Storage(site);
  const chat = new Chat(site, storage, JSON.parse(words) as Words, window.parent !== window, (name, detail) =>
    host.send({ type: "event", name, detail }),
  );
  let inline = false;
  let focusOn = 0;
  let introduced = false;

  const host = new Host([location.origin, ...origins.split(/\s+/).filter(Boolean)], (message) => {
    switch (message.type) {
      case "page":
        ({ inline, focus: focusOn } = message);
        introduced = true;
        chat.setVisible(message.open);
        draw();
        tell();
        return chat.setPage(
          { url: message.page, title: message.title, locale: message.locale || html.lang, attributes: message.attributes },
          message.token,
        );
      case "send":
        return chat.send(message.text);
      case "greet":
        return chat.greet(message.nudge);
      case "reset":
        return chat.reset();
    }
  });

  const close = () => host.send({ type: "close" });
  const draw = () =>
    render(<App chat={chat} storage={storage} onClose={host.embedded && introduced && !inline ? close : null} focusOn={focusOn} />, root);

  const told = new Map<string, string>();
  const tellOnce = (message: ToPage) => {
    const now = JSON.stringify(message);
    if (introduced && told.get(message.type) !== now) host.send(message);
    if (introduced) told.set(message.type, now);
  };

  /** Tells the page how its button should look and what it should count, where that changed. */
  const tell = () => {
    const { config, t, state } = chat.view;
    const colours = theme(config?.look ?? {});
    if (config?.locale) html.lang = config.locale;
    html.dir = /^(ar|he)\b/.test(html.lang) ? "rtl" : "ltr";
    document.title = config?.site.name ?? document.title;
    tellOnce({ type: "ready" });
    if (config) {
      const { position = "right", launcher_text: label = "", side = 20, bottom = 20 } = config.look;
      tellOnce({ type: "look", ...colours, position, label, side: `${side}px`, bottom: `${bottom}px`, open: t("open"), close: t("close") });
    }
    tellOnce({ type: "unread", count: chat.unread });
    tellOnce({ type: "active", active: state.id !== null && state.holder !== "closed" });
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  chat.watch(tell);
  draw();
  tell();
  // Embedded, the page's language comes with its greeting, at once; a page without our loader never says it.
  if (host.embedded) setTimeout(() => introduced || void chat.start(), 2000);
  else void chat.start();
}

const root = document.getElementById("app");
if (root) start(root);
