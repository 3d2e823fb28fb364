// Runs inside the frame: tells the page around it what has happened.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const { session, event, message } = document.body.dataset;
  const tell = (name) =>
    parent.postMessage({ source: "pandabase", event: name, sessionId: session, message }, "*");
  tell("ready");
  if (event) tell(event);
  addEventListener("keydown", (pressed) => {
    if (pressed.key === "Escape") tell("close");
  });
});
