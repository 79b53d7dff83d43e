/** Starts the chat in `<div id="app" data-site="KEY" data-origins="https://shop.example …">`. */
import "./chat.css";
import { render } from "preact";
import { Api } from "./api";
import { App } from "./App";
import { Chat } from "./chat";
import type { ToPage } from "../protocol";
import { Host } from "./host";
import { Storage } from "./storage";
import { theme } from "./theme";

function start(root: HTMLElement): void {
  const site = root.dataset["site"] ?? "";
  const origins = [location.origin, ...(root.dataset["origins"] ?? "").split(/\s+/).filter(Boolean)];
  const storage = new Storage(site);
  const chat = new Chat(new Api(site, storage), storage, window.parent !== window, ({ author }) => host.send({ type: "message", author }));
  let inline = false;
  let focusOn = 0;
  let introduced = false;

  const host = new Host(origins, (message) => {
    switch (message.type) {
      case "hello":
        chat.page = { url: message.page, title: message.title, locale: message.locale || chat.page.locale };
        inline = message.inline;
        introduced = true;
        draw();
        tell();
        return void chat.start();
      case "visible":
        if (message.open && message.focus) focusOn++;
        chat.setVisible(message.open);
        return draw();
      case "identify":
        return void chat.identify(message.token);
      case "context":
        chat.page = { ...chat.page, url: message.page, title: message.title };
        return;
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
    const html = document.documentElement;
    html.lang = config?.locale || chat.page.locale || "en";
    html.dir = /^(ar|ckb|dv|fa|he|ps|ur|yi)\b/i.test(html.lang) ? "rtl" : "ltr";
    document.title = config?.site.name ?? document.title;
    tellOnce({ type: "ready" });
    if (config) {
      const { position = "right", launcher_text: label } = config.look;
      tellOnce({ type: "look", ...colours, position, label: label ?? "", open: t("open"), close: t("close") });
    }
    tellOnce({ type: "unread", count: chat.unread });
    tellOnce({ type: "active", active: state.id !== null && state.holder !== "closed" });
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  chat.page.locale = root.dataset["locale"] ?? "";
  chat.watch(tell);
  draw();
  tell();
  // Embedded, the page's language comes with its greeting, at once; a page without our loader never says it.
  if (host.embedded) setTimeout(() => introduced || void chat.start(), 2000);
  else void chat.start();
}

const root = document.getElementById("app");
if (root) start(root);
