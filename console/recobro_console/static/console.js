// What pages do by themselves: they hear what has changed, obey the keyboard, and draw charts from their tables.
// Nothing here knows the trade. Elements say what they want:
//   data-live="lists contract:ID"  is drawn anew (hx-trigger="live") when one of these subjects has changed
//   data-key="l"                   is followed after the keys g and l
//   data-press="n"                 is pressed, or focused if one types there, by the key n alone
//   data-dialog="help"             opens the dialog of that id
//   data-drop                      a form that takes dropped files
//   data-most-bytes="1000"         a field that takes no larger file, and says data-too-large
//   data-all="contract"            marks all boxes of this name in its form, or none
//   data-busy                      a form that is sent while its page stays, once for all presses of its button
//   data-recover                   what did not answer: it is asked again until it does
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

  let isReplaced = false;
  // A form is sent while its page stays. So what was typed outlives a console that is stopped, a service that does not
  // answer, and a session that is over. Sent again it has the same key, and takes effect once.
  async function submit(event) {
    const form = event.target;
    const method = event.submitter?.getAttribute("formmethod") ?? form.method;
    if (!form.matches("[data-busy]") || method !== "post") return;
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
    let left = false;
    try {
      left = await taken(form, await send(form, event.submitter));
    } catch {
      say(form, document.body.dataset.textUnanswered);
    }
    if (left) return;
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }

  async function send(form, button) {
    const ask = () => {
      const fields = new FormData(form, button);
      const action = button?.hasAttribute("formaction") ? button.formAction : form.action;
      const body = form.enctype === "multipart/form-data" ? fields : new URLSearchParams(fields);
      return fetch(action, { method: "POST", body, headers: { "X-Form": "stays" } });
    };
    const answer = await ask();
    return answer.status === 403 && await renewed() ? ask() : answer;
  }

  // After a new sign-in of the same person, the forms of this page get the token of the new session.
  async function renewed() {
    const answer = await fetch("/session", { headers: { "X-Form": "stays" } });
    if (!answer.ok) return false;
    const { person, csrf } = await answer.json();
    const old = document.body.dataset.csrf;
    if (person !== document.body.dataset.person || csrf === old) return false;
    document.body.dataset.csrf = csrf;
    document.body.setAttribute("hx-headers:inherited", JSON.stringify({ "X-CSRF-Token": csrf }));
    for (const field of document.querySelectorAll("input[name=_csrf]")) field.value = csrf;
    for (const attribute of ["action", "formaction"]) {
      for (const element of document.querySelectorAll(`[${attribute}*="_csrf="]`)) {
        element.setAttribute(attribute, element.getAttribute(attribute).replace(old, csrf));
      }
    }
    return true;
  }

  // Whether the form is gone from the page: it was taken, or the answer shows it anew.
  async function taken(form, answer) {
    if (answer.status === 204) {
      location.assign(answer.headers.get("Location"));
      return true;
    }
    if (answer.status === 401) {
      const link = Object.assign(document.createElement("a"), { href: "/sign-in", target: "_blank" });
      link.textContent = document.body.dataset.textSignIn;
      say(form, `${document.body.dataset.textSignedOut} `, link);
      return false;
    }
    const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = shown.querySelector("main#main:not(.outside)");
    if (!main) {
      const said = [...shown.querySelectorAll("main h1, main h1 ~ p")].filter((each) => !each.querySelector("a"));
      say(form, said.map((each) => each.textContent.trim()).join(". ") || document.body.dataset.textUnanswered);
      return false;
    }
    document.title = shown.title;
    document.querySelector(".notice-row .good")?.remove();
    document.getElementById("main").replaceWith(document.adoptNode(main));
    htmx.process(main);
    if (answer.ok) {
      history.pushState(null, "", location.href);
      isReplaced = true;
    }
    window.scrollTo(0, 0);
    (main.querySelector("[autofocus]") ?? main).focus({ preventScroll: true });
    return true;
  }

  function say(form, ...text) {
    const notice = form.querySelector(":scope > [data-said]") ?? document.createElement("p");
    Object.assign(notice, { className: "notice bad", role: "alert" });
    notice.dataset.said = "yes";
    notice.replaceChildren(...text);
    form.prepend(notice);
    notice.scrollIntoView({ block: "nearest" });
  }

  // A part is asked for again by itself; a whole page is loaded anew once it can be, unless somebody types in it.
  async function recover() {
    const parts = new Set(), troubles = [...document.querySelectorAll("[data-recover]")];
    for (const trouble of troubles) parts.add(trouble.closest("[hx-get]"));
    if (parts.delete(null)) {
      try {
        const answer = await fetch(location.href, { headers: { "HX-Request-Type": "partial" } });
        const works = answer.status < 500 && !(await answer.text()).includes("data-recover");
        if (works && ![...document.querySelectorAll("main form")].some(isTouched)) location.reload();
      } catch { /* It is asked again. */ }
    }
    for (const part of parts) part.dispatchEvent(new CustomEvent("live"));
  }

  function isTouched(form) {
    return [...form.elements].some((field) => "defaultValue" in field && field.type !== "hidden"
      && (field.value !== field.defaultValue || field.checked !== field.defaultChecked));
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

  function markAll(event) {
    const box = event.target.closest("[data-all]");
    if (box) for (const each of box.form.querySelectorAll(`[name="${box.dataset.all}"]`)) each.checked = box.checked;
  }

  document.addEventListener("change", choose);
  document.addEventListener("change", markAll);
  document.addEventListener("keydown", key);
  document.addEventListener("click", click);
  document.addEventListener("submit", submit);
  for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, drag);
  // A page that comes back from the browser's cache has missed what happened, and its forms may be sent again.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  // Back from what a form has shown to the form.
  window.addEventListener("popstate", () => { if (isReplaced) location.reload(); });
  setInterval(recover, 3000);
  listen();
})();
