"use strict";
// The page's keys and buttons. What is shown comes from the server as it was escaped there; a thing
// is told as saved only when the server has said so.

const $ = (selector) => document.querySelector(selector);
const main = $("#main");
const pageToken = $('meta[name="page-token"]').content;
const HOLD = 5 * 60 * 1000; // long before an item's lease ends
let busy = false;
let unanswered = null; // what was sent and not told as saved: sent again it is not saved twice
let shown = performance.now();
let hidden = document.hidden ? performance.now() : null;
let talk = ""; // the conversation with its evidence

if (location.search.includes("token=")) history.replaceState(null, "", location.pathname);

function tell(said, wrong = "") {
  $("#said").textContent = said;
  $("#wrong").textContent = wrong;
}

async function ask(path, sent) {
  const headers = { Accept: "application/json", "X-Review-Token": pageToken };
  if (sent) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method: sent ? "POST" : "GET", headers, body: sent && JSON.stringify(sent) });
  } catch {
    throw new Error(`No answer${sent ? ", so perhaps not saved" : ""}. Is servicenlp review still running? Then try again; nothing counts twice.`);
  }
  const answer = await response.json().catch(() => ({ error: `no answer that can be read (${response.status})` }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// The item.

const form = () => $("#verdict");

function show(answer) {
  main.innerHTML = answer.sheet;
  shown = performance.now();
  hidden = document.hidden ? shown : null;
  arrive();
  window.scrollTo(0, 0);
  $("#main h1").focus({ preventScroll: true });
}

function arrive() {
  talk = "";
  if (!form()) return;
  form().addEventListener("change", change);
  change();
  const evidence = $("mark.evidence")?.getBoundingClientRect();
  if ($("#show-evidence")) $("#show-evidence").hidden = !evidence || evidence.bottom + window.scrollY < window.innerHeight;
  document.title = `${form().dataset.id} · servicenlp review`;
}

function change() {
  const chosen = form().querySelector('[name="level"]:checked');
  $("#meaning").textContent = chosen ? chosen.dataset.meaning : "Choose the level that the customer experienced.";
  const asWas = [...form().querySelectorAll('input[type="radio"]')].every((input) => input.checked === input.defaultChecked);
  const blind = !form().querySelector(".predicted");
  $("#accept").firstChild.textContent = blind ? "Save and go on " : asWas ? "Accept and go on " : "Correct and go on ";
}

const seconds = () => Math.round((performance.now() - shown) / 100) / 10;

function labels() {
  const found = Object.fromEntries(new FormData(form()));
  return { ...found, key: form().dataset.key, level: Number(found.level) };
}

async function send(path, sent) {
  if (busy) return;
  busy = true;
  main.setAttribute("aria-busy", "true");
  const same = JSON.stringify([path, sent]);
  if (unanswered?.same !== same) unanswered = { same, token: crypto.randomUUID() };
  try {
    const answer = await ask(path, { ...sent, token: unanswered.token, seconds: seconds() });
    unanswered = null;
    if (answer.progress !== undefined) $("#progress").innerHTML = answer.progress;
    if (answer.sheet !== undefined) show(answer);
    tell(answer.said);
    return answer;
  } catch (error) {
    tell("", error.message);
  } finally {
    busy = false;
    main.removeAttribute("aria-busy");
  }
}

const doing = {
  accept() {
    const sent = labels();
    if (sent.level) return send("/decide", sent);
    tell("", "No level yet: press 1 to 6.");
    form().querySelector('[name="level"]').focus();
  },
  skip: () => send("/skip", { key: form().dataset.key, why: $("#why").value }),
  note() {
    if ($("#why").value.trim()) return send("/note", { key: form().dataset.key, why: $("#why").value });
    tell("", "No note yet: write it first.");
  },
  unusable(why) {
    $("#unusable").close();
    return send("/unusable", { key: form().dataset.key, why });
  },
  undo() {
    const event = Number($('[data-do="undo"]').dataset.event);
    return event ? send("/undo", { event }) : tell("", "Nothing to undo.");
  },
};

function cycle(letter) {
  const inputs = [...form().querySelectorAll(`[data-letter="${letter}"] input`)];
  const order = ["none", "failed", "delighted"];
  const now = inputs.find((input) => input.checked).value;
  const next = inputs.find((input) => input.value === order[(order.indexOf(now) + 1) % 3]);
  next.checked = true;
  next.dispatchEvent(new Event("change", { bubbles: true }));
  tell("", "");
  $("#set").textContent = `${$(`#label-${next.name}`).lastChild.textContent.trim()}: ${next.value}`;
}

function setLevel(level) {
  const input = form().querySelector(`[name="level"][value="${level}"]`);
  input.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  tell("", "");
  $("#set").textContent = `Level ${level}, ${input.closest("label").querySelector(".label").textContent}`;
}

async function showTerms(target = "level") {
  const panel = $("#terms");
  try {
    const answer = await ask(`/terms/${form().dataset.key}?target=${target}`);
    talk = talk || $("#talk").innerHTML;
    panel.innerHTML = answer.terms;
    $("#talk").innerHTML = answer.talk;
    panel.hidden = false;
    $("#show-terms").setAttribute("aria-expanded", "true");
    $("#target").addEventListener("change", (event) => showTerms(event.target.value));
  } catch (error) {
    tell("", error.message);
  }
}

function toEvidence() {
  $("mark.evidence")?.scrollIntoView({ block: "center" });
}

function askUnusable() {
  $("#own-reason").value = $("#why").value;
  $("#unusable").showModal();
  $("#unusable .choice").focus();
}

// Keys.

const singleKeys = $("#single-keys");
singleKeys.checked = localStorage.getItem("single-keys") !== "off";
singleKeys.addEventListener("change", () => localStorage.setItem("single-keys", singleKeys.checked ? "on" : "off"));

const openKeys = () => $("#keys").open || $("#keys").showModal();

const keys = {
  "?": openKeys,
  u: () => doing.undo(),
  s: () => doing.skip(),
  x: askUnusable,
  n: () => $("#why").focus(),
  t: () => $("#show-terms")?.click(),
  e: toEvidence,
};

document.addEventListener("keydown", (event) => {
  const into = event.target;
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if ($("#unusable")?.open) {
    const choice = into.id !== "own-reason" && $(`#unusable .choice:nth-of-type(${Number(event.key) || 0})`);
    if (choice) choice.click();
    if (event.key === "Enter" && into.id === "own-reason") doing.unusable(into.value);
    if (choice || (event.key === "Enter" && into.id === "own-reason")) event.preventDefault();
    return;
  }
  if ($("#keys").open) return;
  if (into.id === "why" && event.key === "Escape") return $("#main h1").focus();
  if (into.matches('input:not([type="radio"], [type="checkbox"]), select, textarea')) return;
  if (event.key === "Enter") {
    if (event.repeat) return event.preventDefault(); // a key held down judges nothing
    if (!form() || into.matches("button, a, summary")) return;
    event.preventDefault();
    return void doing.accept();
  }
  if (event.repeat || (!singleKeys.checked && event.key !== "?")) return;
  const act = (key) => { event.preventDefault(); key(); };
  if (event.key === "?") return act(openKeys);
  if (document.body.dataset.page !== "review") return;
  if (event.key === "u") return act(keys.u);
  if (!form()) return;
  if (/^[1-6]$/.test(event.key)) return act(() => setLevel(event.key));
  if (form().querySelector(`[data-letter="${CSS.escape(event.key)}"]`)) return act(() => cycle(event.key));
  if (Object.hasOwn(keys, event.key)) act(keys[event.key]);
});

// Buttons.

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.do) doing[button.dataset.do]();
  if (button.id === "show-keys") openKeys();
  if (button.id === "ask-unusable") askUnusable();
  if (button.id === "show-evidence") toEvidence();
  if (button.dataset.why) doing.unusable(button.dataset.why);
  if (button.id === "own-unusable") doing.unusable($("#own-reason").value);
  if (button.id === "show-terms") {
    if (button.getAttribute("aria-expanded") === "false") return void showTerms();
    $("#terms").hidden = true;
    $("#talk").innerHTML = talk;
    button.setAttribute("aria-expanded", "false");
  }
  if (button.id === "accept-all") acceptAll(button);
  if (button.id === "undo-all") undoAll(button);
});

document.addEventListener("submit", (event) => {
  if (event.target.id !== "verdict") return;
  event.preventDefault();
  doing.accept();
});

// Many at once.

async function acceptAll(button) {
  button.disabled = true;
  const answer = await send("/accept-all", { filter: $("#bulk").dataset.filter });
  if (!answer) return void (button.disabled = false);
  $("#preview-title").textContent = `${answer.n_items.toLocaleString("en")} accepted`;
  $("#undo-all").dataset.batch = answer.batch;
  $("#undo-all").hidden = !answer.n_items;
  $("#look-again").hidden = false;
  button.hidden = true;
  $("#undo-all").focus();
}

async function undoAll(button) {
  const answer = await send("/undo-batch", { batch: button.dataset.batch });
  if (!answer) return;
  button.hidden = true;
  $("#preview-title").textContent = "Taken back";
  $("#look-again").focus();
}

$(".filter")?.addEventListener("input", () => {
  if ($("#accept-all")) $("#accept-all").disabled = true; // it is for what the preview shows
});

// Time: only while the page is to be seen; and an item in hand stays in hand.

document.addEventListener("visibilitychange", () => {
  if (document.hidden) hidden = performance.now();
  else if (hidden !== null) {
    shown += performance.now() - hidden;
    hidden = null;
  }
});

setInterval(async () => {
  if (!form() || document.hidden || busy) return;
  const key = form().dataset.key;
  const answer = await ask("/hold", { key }).catch(() => null);
  if (answer?.held === false && form()?.dataset.key === key) tell("", "Another reviewer has this item by now. Load the page for the next.");
}, HOLD);

arrive();
