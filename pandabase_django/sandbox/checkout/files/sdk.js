// Stands in for the vendor's script while a shop is developed against the sandbox.
(() => {
  "use strict";
  const origin = new URL(document.currentScript.src).origin;
  const MODES = ["modal", "drawer", "overlay", "inline"];
  const SHAPES = {
    modal: { width: "min(30rem, 96vw)", height: "min(44rem, 92vh)", borderRadius: "0.6rem" },
    drawer: { width: "min(28rem, 100vw)", height: "100vh", maxHeight: "none", margin: "0 0 0 auto" },
    overlay: { width: "100vw", height: "100vh", maxWidth: "none", maxHeight: "none" },
  };

  const element = (name, style, attributes) => {
    const made = document.createElement(name);
    Object.assign(made.style, style);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    return made;
  };

  function checkout({ storeId, sessionId, mode = "modal", container, theme, locale, on = {} }) {
    const tell = (event, detail) => on[event] && on[event]({ sessionId, ...detail });
    const host = typeof container === "string" ? document.querySelector(container) : container;
    let problem = "";
    if (!storeId || !sessionId) problem = "storeId and sessionId are needed.";
    else if (!MODES.includes(mode)) problem = `There is no mode ${mode}.`;
    else if (mode === "inline" && !host) problem = "The container is not on this page.";
    if (problem) {
      tell("error", { message: problem });
      return { close() {} };
    }
    const ids = [storeId, sessionId].map(encodeURIComponent);
    const address = new URL(`${origin}/embed/stores/${ids[0]}/sids/${ids[1]}`);
    if (theme) address.searchParams.set("theme", theme);
    if (locale) address.searchParams.set("locale", locale);
    const frame = element(
      "iframe",
      { width: "100%", height: mode === "inline" ? "44rem" : "100%", border: "0" },
      { src: address.href, title: "Checkout", allow: "payment" },
    );
    let root = frame;
    let ended = false;
    if (mode === "inline") {
      host.append(frame);
    } else {
      root = element("dialog", { padding: "0", border: "0", ...SHAPES[mode] }, {
        "aria-label": "Checkout",
      });
      const leave = element(
        "button",
        { position: "absolute", top: "0.4rem", right: "0.6rem", font: "1rem system-ui, sans-serif" },
        { type: "button" },
      );
      leave.textContent = "Close";
      leave.addEventListener("click", () => cancel());
      root.append(frame, leave);
      root.addEventListener("cancel", (pressed) => {
        pressed.preventDefault();
        cancel();
      });
      document.body.append(root);
      root.showModal();
    }

    function close() {
      removeEventListener("message", heard);
      root.remove();
    }
    function cancel() {
      close();
      if (!ended) tell("cancel");
    }
    function heard({ origin: from, source, data }) {
      if (from !== origin || source !== frame.contentWindow || data.source !== "pandabase") return;
      if (data.event === "close") {
        if (mode !== "inline") cancel();
      } else if (data.event === "cancel") {
        cancel();
      } else if (data.event === "error") {
        tell("error", { message: data.message });
      } else {
        ended = ended || data.event.startsWith("payment_");
        tell(data.event);
      }
    }
    addEventListener("message", heard);
    return { close };
  }

  window.Pandabase = { checkout };
})();
