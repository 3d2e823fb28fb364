/* Small comforts of the admin's pages. Every page works without them.
 *
 *   <button type="button" data-copy="text" hidden>Copy</button>
 *   <select data-presets="declared">: ticks the boxes of that name which a grid's data-preset-…
 *   names for the chosen value, and goes back to its first option
 *   <section id="sales" data-load="…/sales/">: is replaced by the element of this id on that page
 */
"use strict";
async function load(place) {
  try {
    const answer = await fetch(place.dataset.load, {
      credentials: "same-origin",
      redirect: "error", // to a login page
    });
    const text = answer.ok ? await answer.text() : "";
    const found = new DOMParser().parseFromString(text, "text/html").getElementById(place.id);
    if (found) {
      place.replaceWith(found);
    }
  } catch {
    // Its link stays.
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) {
      continue; // not offered on plain http
    }
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied || label;
      setTimeout(() => {
        button.textContent = label;
      }, 1500);
    });
  }

  for (const place of document.querySelectorAll("[data-load]")) {
    load(place);
  }

  for (const select of document.querySelectorAll("select[data-presets]")) {
    select.addEventListener("change", () => {
      const grid = select.form.querySelector(`[data-preset-${select.value}]`);
      if (!grid) {
        return;
      }
      const wanted = new Set(grid.getAttribute(`data-preset-${select.value}`).split(" "));
      for (const box of grid.querySelectorAll(`input[name="${select.dataset.presets}"]`)) {
        box.checked = wanted.has(box.value);
      }
      select.selectedIndex = 0;
    });
  }
});
