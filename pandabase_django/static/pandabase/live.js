/* Keeps a part of a page up to date by asking a JSON address again and again.
 *
 *   <div data-live-url="…/live/" data-live-then="reload">
 *     <progress data-live-progress="rows"></progress> <span data-live-text="rate"></span>
 *   </div>
 *
 * The answer: {"open": true, "texts": {"rate": "…"}, "progress": {"rows": {"done": 5, "of": 9}}}.
 * It asks each second while something moves and less often while nothing does or the server fails;
 * not at all while the page is hidden; and ends when "open" is false, with a reload if asked for.
 */
"use strict";
(() => {
  const SHORTEST = 1000;
  const LONGEST = 15000;
  const LONGEST_AFTER_FAILURE = 60000;

  function follow(root) {
    let pause = SHORTEST;
    let before = "";
    let timer = null;
    let asking = false;
    let ended = false;

    function show(state) {
      for (const node of root.querySelectorAll("[data-live-text]")) {
        const text = state.texts[node.dataset.liveText];
        if (text !== undefined && node.textContent !== text) {
          node.textContent = text;
        }
      }
      for (const node of root.querySelectorAll("progress[data-live-progress]")) {
        const progress = state.progress[node.dataset.liveProgress];
        if (!progress) {
          continue;
        }
        if (progress.of === null) {
          node.removeAttribute("value");
        } else {
          node.max = Math.max(progress.of, 1);
          node.value = progress.done;
        }
      }
    }

    function later() {
      clearTimeout(timer);
      if (!document.hidden) {
        timer = setTimeout(ask, pause);
      }
    }

    async function ask() {
      if (asking || ended) {
        return;
      }
      asking = true;
      try {
        const answer = await fetch(root.dataset.liveUrl, {
          headers: { Accept: "application/json" },
          credentials: "same-origin",
          redirect: "error", // a login page is no state
        });
        if (answer.status === 403 || answer.status === 404) {
          ended = true;
          return;
        }
        if (!answer.ok) {
          throw new Error(String(answer.status));
        }
        const text = await answer.text();
        const state = JSON.parse(text);
        show(state);
        if (!state.open) {
          ended = true;
          if (root.dataset.liveThen === "reload") {
            window.location.reload();
          }
          return;
        }
        pause = text === before ? Math.min(pause * 1.5, LONGEST) : SHORTEST;
        before = text;
        later();
      } catch {
        pause = Math.min(pause * 2, LONGEST_AFTER_FAILURE);
        later();
      } finally {
        asking = false;
      }
    }

    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        clearTimeout(timer);
      } else if (!ended) {
        pause = SHORTEST;
        ask();
      }
    });
    later();
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const root of document.querySelectorAll("[data-live-url]")) {
      follow(root);
    }
  });
})();
