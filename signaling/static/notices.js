/** What is wrong and what to do, shown one card for each slot; counts down to the next try where there is one. */

import { NOTES, problemWords } from "./words.js";

export class Notices {
  #container;
  #act;
  #cards = new Map();
  #retryAt = null;
  #ticking = null;

  /**
   * @param container where the cards stand.
   * @param act (name) => does what a card's button says.
   */
  constructor(container, act) {
    this.#container = container;
    this.#act = act;
  }

  /** Shows exactly these problems; `retryAt` is the wall time in ms of the next try of the connection, or null. */
  show(problems, retryAt) {
    const slots = new Set(problems.map(({ slot }) => slot));
    for (const [slot, card] of this.#cards) {
      if (slots.has(slot)) continue;
      card.element.remove();
      this.#cards.delete(slot);
    }
    for (const problem of problems) this.#show(problem);
    this.#retryAt = retryAt;
    this.#countDown();
  }

  #show({ slot, code, detail }) {
    const { tone, title, text, actions } = problemWords({ code, detail });
    const known = this.#cards.get(slot);
    if (known?.code === code) {
      // The same words must not be announced again.
      if (known.words !== text) known.body.replaceChildren(...withCode(text));
      known.words = text;
      return;
    }
    const card = this.#card(code, tone, title, text, actions);
    const inUse = known?.element.contains(document.activeElement);
    if (known) known.element.replaceWith(card.element);
    else this.#container.append(card.element);
    this.#cards.set(slot, card);
    if (inUse) card.element.querySelector("button")?.focus();
  }

  #card(code, tone, title, text, actions) {
    const element = document.createElement("div");
    element.className = "notice";
    element.dataset.code = code;
    element.dataset.tone = tone;
    element.setAttribute("role", tone === "alert" ? "alert" : "status");
    const heading = document.createElement("strong");
    heading.textContent = title;
    const body = document.createElement("p");
    body.append(...withCode(text));
    element.append(heading, body);
    const row = document.createElement("div");
    row.className = "notice-actions";
    for (const { name, label } of actions) row.append(this.#button(name, label));
    // The seconds are for the eye: read out, they would never let one hear anything else.
    const countdown = document.createElement("span");
    countdown.className = "countdown";
    countdown.setAttribute("aria-hidden", "true");
    if (code.startsWith("server_")) row.append(countdown);
    if (row.childElementCount) element.append(row);
    return { code, element, words: text, body, countdown };
  }

  #button(name, label) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.dataset.action = name;
    button.textContent = label;
    button.addEventListener("click", () => this.#act(name));
    return button;
  }

  #countDown() {
    clearTimeout(this.#ticking);
    const card = this.#cards.get("connection");
    if (!card?.code.startsWith("server_")) return;
    const seconds = this.#retryAt === null ? 0 : Math.max(0, Math.ceil((this.#retryAt - Date.now()) / 1000));
    card.countdown.textContent = NOTES.countdown(seconds);
    if (seconds > 0) this.#ticking = setTimeout(() => this.#countDown(), 250);
  }
}

/** What stands between backticks is code. */
function withCode(text) {
  return text.split("`").map((piece, index) => {
    if (index % 2 === 0) return document.createTextNode(piece);
    const code = document.createElement("code");
    // A command breaks between its words, not after the dash of an option.
    for (const word of piece.split(" ")) {
      const unbroken = document.createElement("span");
      unbroken.textContent = word;
      code.append(...(code.hasChildNodes() ? [" "] : []), unbroken);
    }
    return code;
  });
}
