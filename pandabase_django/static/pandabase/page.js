/* Small comforts of the admin's pages. Every page works without them.
 *
 *   <button type="button" data-copy="text" hidden>Copy</button>
 *   <button type="button" data-check="A B C" hidden>: ticks these boxes of its form, clears others
 */
"use strict";
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

  for (const button of document.querySelectorAll("[data-check]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const wanted = new Set(button.dataset.check.split(" "));
      const boxes = button.form.querySelectorAll(`input[name="${button.dataset.name}"]`);
      for (const box of boxes) {
        box.checked = wanted.has(box.value);
      }
    });
  }
});
