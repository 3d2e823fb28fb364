/* Shows a checkout session within a page, by the vendor's script, and goes on when it is paid.
 *
 * Its own tag says what to show: {% pandabase_checkout_script session %} writes it.
 */
"use strict";
(() => {
  const said = document.currentScript.dataset;

  function goOn() {
    window.location.assign(said.return);
  }

  if (!window.Pandabase) {
    return; // blocked: the page has a link to the full page
  }
  const options = {
    storeId: said.store,
    sessionId: said.session,
    mode: said.mode,
    // In the page nobody is redirected: a payment is followed here.
    on: { payment_success: goOn, payment_processing: goOn },
  };
  for (const name of ["locale", "theme"]) {
    if (said[name]) {
      options[name] = said[name];
    }
  }
  if (said.mode === "inline" && said.container) {
    options.container = said.container;
  }
  window.Pandabase.checkout(options);
})();
