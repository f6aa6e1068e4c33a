// What pages do by themselves: they hear what has changed, obey the keyboard, and draw charts from their tables.
// Nothing here knows the trade. Elements say what they want:
//   data-live="lists contract:ID"  is drawn anew (hx-trigger="live") when one of these subjects has changed
//   data-key="l"                   is followed after the keys g and l
//   data-press="n"                 is pressed, or focused if one types there, by the key n alone
//   data-dialog="help"             opens the dialog of that id
//   data-drop                      a form that takes dropped files
//   data-most-bytes="1000"         a field that takes no larger file, and says data-too-large
//   data-busy                      a form whose button cannot be pressed twice
(() => {
  "use strict";
  const state = () => document.querySelector(".live");

  function show(live) {
    const sign = state();
    if (!sign) return;
    sign.dataset.state = live ? "live" : "away";
    sign.textContent = live ? sign.dataset.textLive : sign.dataset.textAway;
    const banner = document.getElementById("away");
    if (banner) banner.hidden = live;
  }

  function changed(subjects) {
    const everything = subjects.includes("everything");
    for (const element of document.querySelectorAll("[data-live]")) {
      const wanted = element.dataset.live.split(" ");
      if (everything || wanted.some((subject) => subjects.includes(subject))) {
        element.dispatchEvent(new CustomEvent("live"));
      }
    }
  }

  let wasAway = false;
  function listen() {
    if (!state()) return;
    const stream = new EventSource(state().dataset.stream);
    stream.onmessage = (message) => {
      const { live, changed: subjects } = JSON.parse(message.data);
      show(live);
      if (wasAway) changed(["everything"]);
      wasAway = false;
      if (subjects.length) changed(subjects);
    };
    stream.onerror = () => {
      wasAway = true;
      show(false);
      // A browser gives up after an answer that is no stream, as when the console starts.
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
    };
    window.addEventListener("pagehide", () => stream.close(), { once: true });
  }

  let after = null;
  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (after === "g") {
      after = null;
      const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (link) {
        event.preventDefault();
        link.click();
      }
    } else if (event.key === "g") {
      after = "g";
      setTimeout(() => { after = null; }, 1500);
    } else if (event.key === "/") {
      event.preventDefault();
      document.getElementById("search")?.focus();
    } else if (event.key === "?") {
      document.getElementById("help")?.showModal();
    } else {
      press(event);
    }
  }

  function press(event) {
    const target = document.querySelector(`[data-press="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("input, textarea, select")) target.focus();
    else target.click();
  }

  function closeMenus(event) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  }

  function click(event) {
    closeMenus(event);
    const opener = event.target.closest("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  }

  function submit(event) {
    const form = event.target;
    if (!form.matches("[data-busy]")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  }

  function drag(event) {
    const area = event.target.closest?.("[data-drop]");
    if (!area) return;
    event.preventDefault();
    area.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files.length) {
      const input = area.querySelector("input[type=file]");
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  function choose(event) {
    const input = event.target;
    if (!input.dataset?.mostBytes) return;
    const file = input.files[0];
    input.setCustomValidity(file && file.size > Number(input.dataset.mostBytes) ? input.dataset.tooLarge : "");
    input.reportValidity();
  }

  document.addEventListener("change", choose);
  document.addEventListener("keydown", key);
  document.addEventListener("click", click);
  document.addEventListener("submit", submit);
  for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, drag);
  // A page that comes back from the browser's cache has missed what happened, and its forms may be sent again.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  listen();
})();
