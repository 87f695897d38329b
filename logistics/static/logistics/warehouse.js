// Keys for whoever inspects: 1 to 7 say what was found of a piece, A to D its grade. Everything works without.
"use strict";

(() => {
  // A hand scanner types faster than this, in milliseconds from key to key.
  const FAST = 50;
  const typing = (where) => where.matches("input:not([type=radio]):not([type=file]), select, textarea");
  const pieces = () => [...document.querySelectorAll(".piece")];
  const said = (piece) => piece.querySelector(".outcomes input:checked");

  const current = () =>
    document.activeElement.closest(".piece") || pieces().find((piece) => !said(piece)) || pieces()[0];

  const press = (key) => {
    const piece = current();
    if (!piece) return;
    const radio = piece.querySelectorAll(".outcomes input")[Number(key) - 1];
    const grade = piece.querySelector(`select[name$=grade] option[value="${key.toUpperCase()}"]`);
    if (radio) {
      radio.checked = true;
      const next = pieces().find((each) => !said(each));
      const goes = next ? next.querySelector(".outcomes input") : radio;
      goes.focus();
      goes.closest(".piece").scrollIntoView({ block: "nearest" });
    } else if (grade) {
      grade.selected = true;
    }
  };

  let keys = "";
  let last = 0;
  let waiting = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
    const burst = event.timeStamp - last < FAST;
    if (event.key === "Enter") {
      // A label scanned where nothing can be typed is another box, and no answer to this one.
      if (burst && keys.length > 3) {
        event.preventDefault();
        clearTimeout(waiting);
        location.assign(`${document.body.dataset.home}?code=${encodeURIComponent(keys)}`);
      }
      keys = "";
      return;
    }
    if (event.key.length !== 1 || event.key === " ") return;
    last = event.timeStamp;
    keys = burst ? keys + event.key : event.key;
    clearTimeout(waiting);
    if (keys.length === 1 && /^[1-7a-d]$/i.test(event.key)) {
      event.preventDefault();
      waiting = setTimeout(() => press(event.key), FAST);
    }
  });

  const first = document.querySelector("[autofocus]") || document.querySelector(".piece .outcomes input");
  if (first) first.focus();
  // A double Enter sends a form once; the server would do it once all the same.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form").forEach((form) => delete form.dataset.sent);
  });
})();
