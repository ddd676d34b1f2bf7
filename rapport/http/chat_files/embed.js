"use strict";

// Puts the chat into a corner of the page that loads this:
//   <script src="https://bot.example.com/chat/embed.js" data-lang="fa" data-label="..." defer></script>
(() => {
  const script = document.currentScript;
  const address = new URL("../chat", script.src);
  const { lang, start, label } = script.dataset;
  const language = lang || document.documentElement.lang;
  if (language) address.searchParams.set("lang", language);
  if (start) address.searchParams.set("start", start);
  const name = label || (language.startsWith("fa") ? "گفت‌وگو" : "Chat");
  const corner = { position: "fixed", insetInlineEnd: "1rem", zIndex: "2147483000" };

  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "rapport-chat");
  Object.assign(button.style, corner, {
    insetBlockEnd: "1rem", minHeight: "3rem", padding: "0 1.25rem", border: "0",
    borderRadius: "1.5rem", background: "#0b5cad", color: "#ffffff", font: "1rem system-ui",
    cursor: "pointer",
  });

  const frame = document.createElement("iframe");
  frame.id = "rapport-chat";
  frame.title = name;
  frame.hidden = true;
  Object.assign(frame.style, corner, {
    insetBlockEnd: "4.75rem", width: "min(24rem, calc(100vw - 2rem))",
    height: "min(36rem, calc(100vh - 6rem))", border: "1px solid #c4cbd3",
    borderRadius: "1rem", background: "#ffffff",
  });

  function open(isOpen) {
    if (isOpen && !frame.src) frame.src = address.href;
    frame.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  }

  button.addEventListener("click", () => open(frame.hidden));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !frame.hidden) {
      open(false);
      button.focus();
    }
  });
  document.body.append(button, frame);
})();
