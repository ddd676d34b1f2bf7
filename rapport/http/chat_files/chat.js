"use strict";

// The page of the chat: shows what is said, sends what is written, and comes again when it is cut
// off. Nothing that anybody wrote becomes markup: texts are only ever set as text.
(() => {
  const words = document.body.dataset;
  const talk = document.getElementById("talk");
  const state = document.getElementById("state");
  const form = document.getElementById("form");
  const field = document.getElementById("text");
  const language = document.documentElement.lang;
  const auth = { Authorization: `Bearer ${secret()}` };
  const waiting = []; // what is on its way to the business, the oldest first
  const mine = new Map(); // the bubbles of what was written here, by its key
  const shown = new Set(); // the ids of messages
  let sending = false;

  // -- who we are

  function secret() {
    const name = "rapport-visitor";
    try {
      const known = localStorage.getItem(name);
      if (known) return known;
      const made = random(32);
      localStorage.setItem(name, made);
      return made;
    } catch {
      return random(32); // a browser that keeps nothing: a visitor for as long as the page is open
    }
  }

  function random(bytes) {
    const numbers = crypto.getRandomValues(new Uint8Array(bytes));
    return Array.from(numbers, (one) => one.toString(16).padStart(2, "0")).join("");
  }

  // -- showing

  function element(name, attributes, ...inside) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...inside);
    return made;
  }

  function bubble(by, text) {
    const who = { me: words.you, bot: words.bot, staff: words.staff }[by];
    const author = element("span", { class: "unseen" }, `${who}: `);
    return element("li", { class: by }, author, element("p", { class: "said", dir: "auto" }, text));
  }

  function buttons(rows) {
    return rows.map((row) => element("div", { class: "row" }, ...row.map(button)));
  }

  function button({ label, token, url }) {
    if (url) {
      if (!/^(https?|mailto|tel):/i.test(url)) return element("span", { dir: "auto" }, label);
      const away = { href: url, target: "_blank", rel: "noopener noreferrer", dir: "auto" };
      const note = element("span", { class: "unseen" }, ` (${words.newpage})`);
      return element("a", away, label, note);
    }
    const made = element("button", { type: "button", dir: "auto" }, label);
    made.addEventListener("click", () => {
      made.setAttribute("aria-pressed", "true");
      say({ press: token }, label);
    });
    return made;
  }

  function show(message) {
    if (shown.has(message.id)) return;
    shown.add(message.id);
    const ours = mine.get(message.key);
    if (ours) {
      // Where the business has it, behind what it had said before.
      note(ours, "");
      mine.delete(message.key);
      if (waiting.length === 0) return;
    }
    const item = ours || bubble(message.by, message.text);
    if (!ours) item.append(...buttons(message.buttons));
    const next = waiting.find((one) => one.item.isConnected && one.item !== item);
    talk.insertBefore(item, next ? next.item : null);
  }

  function showAll(messages) {
    const atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
    document.getElementById("start")?.remove();
    messages.forEach(show);
    if (talk.childElementCount === 0) offerStart();
    if (atEnd) toEnd();
  }

  function offerStart() {
    const made = button({ label: words.start });
    const begin = element("li", { id: "start" }, made);
    made.addEventListener("click", () => field.focus());
    talk.append(begin);
  }

  function toEnd() {
    talk.scrollTop = talk.scrollHeight;
  }

  function note(item, text) {
    item.querySelector(".note")?.remove();
    if (text) item.append(element("p", { class: "note" }, text));
  }

  // -- sending: one after another, each until it is taken or refused

  function say(body, text) {
    document.getElementById("start")?.remove();
    const key = random(16);
    const what = body.press === undefined && body.text === undefined ? { text: begun() } : body;
    const item = bubble("me", text || what.text);
    talk.append(item);
    toEnd();
    mine.set(key, item);
    waiting.push({ key, item, body: JSON.stringify({ id: key, language, ...what }) });
    send();
  }

  function begun() {
    return words.code ? `/start ${words.code}` : "/start";
  }

  async function send() {
    if (sending) return;
    sending = true;
    for (let failures = 0; waiting.length > 0; ) {
      const [first] = waiting;
      const pause = await post(first, failures);
      if (pause === null) {
        waiting.shift();
        failures = 0;
      } else {
        failures += 1;
        note(first.item, words.waits);
        await sleep(pause);
      }
    }
    sending = false;
  }

  // Seconds until the next try; null where there is none.
  async function post({ item, body }, failures) {
    let answer;
    try {
      const headers = { ...auth, "Content-Type": "application/json" };
      answer = await fetch("chat/messages", { method: "POST", headers, body });
    } catch {
      return backoff(failures);
    }
    if (answer.ok) note(item, "");
    else if (answer.status >= 500 || answer.status === 429 || answer.status === 408)
      return Math.max(Number(answer.headers.get("Retry-After")) || 0, backoff(failures));
    else note(item, words.failed);
    return null;
  }

  // -- listening

  async function listen() {
    for (let failures = 0; ; failures += 1) {
      const stop = new AbortController();
      try {
        const answer = await fetch("chat/stream", {
          headers: auth, cache: "no-store", signal: stop.signal,
        });
        if (answer.ok) {
          state.textContent = "";
          await read(answer.body.getReader(), stop, () => { failures = 0; });
        }
      } catch {
        // Cut off: it comes again.
      }
      stop.abort();
      state.textContent = words.offline;
      await sleep(backoff(failures));
    }
  }

  async function read(reader, stop, heard) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      // A connection that says nothing for longer than the server is ever silent is a dead one.
      const watch = setTimeout(() => stop.abort(), 45_000);
      const { done, value } = await reader.read();
      clearTimeout(watch);
      if (done) return;
      heard();
      text += decoder.decode(value, { stream: true });
      const events = text.split("\n\n");
      text = events.pop();
      for (const event of events)
        if (event.startsWith("data: ")) showAll(JSON.parse(event.slice(6)));
    }
  }

  function backoff(failures) {
    return Math.min(30, 2 ** failures) * (0.5 + Math.random() / 2);
  }

  function sleep(seconds) {
    return new Promise((done) => {
      const timer = setTimeout(done, seconds * 1000);
      addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
    });
  }

  // -- writing

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    say({ text });
    field.focus();
  });

  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });

  listen();
})();
