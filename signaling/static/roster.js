/** The list of who is here: names, and what each of them does now. Shown when there is more than one agent and us. */

import { agentStateOf, phaseOf, Phase } from "./page.js";
import { agentOf, companionsOf, inOrder, isAgent, nameOf, standingOf } from "./people.js";
import { NOTES, STANDINGS, STATES } from "./words.js";

/** A voice is this loud at least, and a person is shown as speaking for a moment longer than it is heard. */
const VOICE_LEVEL = 0.3;
const LINGER_MS = 400;

export class Roster {
  #list;
  #items = new Map();

  constructor(list) {
    this.#list = list;
  }

  render(page) {
    const people = page.me && phaseOf(page) !== Phase.IDLE ? rowsOf(page) : [];
    this.#list.hidden = companionsOf(page).length === 0 || people.length === 0;
    const there = new Set(people.map(({ identity }) => identity));
    for (const [identity, { element }] of this.#items) {
      if (there.has(identity)) continue;
      element.remove();
      this.#items.delete(identity);
    }
    people.forEach((row, index) => this.#render(row, index));
  }

  /** @param levels Map of identity to 0..1. */
  showSpeaking(now, levels) {
    for (const [identity, item] of this.#items) {
      if ((levels.get(identity) ?? 0) > VOICE_LEVEL) item.heardAt = now;
      const speaks = item.canSpeak && now - item.heardAt < LINGER_MS;
      if (speaks === item.speaks) continue;
      item.speaks = speaks;
      show(item);
    }
  }

  #render({ identity, name, kind, standing, word, canSpeak }, index) {
    const item = this.#items.get(identity) ?? this.#add(identity);
    Object.assign(item, { standing, word, canSpeak });
    item.speaks &&= canSpeak;
    item.element.dataset.kind = kind;
    if (item.name.textContent !== name) item.name.textContent = name;
    if (this.#list.children[index] !== item.element) this.#list.insertBefore(item.element, this.#list.children[index]);
    show(item);
  }

  #add(identity) {
    const element = document.createElement("li");
    element.dataset.identity = identity;
    const [name, word] = ["person-name", "person-word"].map((className) => {
      const made = document.createElement("span");
      made.className = className;
      return made;
    });
    element.append(name, " ", word);
    const item = { element, name, shown: word, heardAt: -Infinity, speaks: false };
    this.#items.set(identity, item);
    return item;
  }
}

function show({ element, shown, standing, word, speaks }) {
  element.dataset.standing = speaks ? "speaking" : standing;
  const text = speaks ? STANDINGS.speaking : word;
  if (shown.textContent !== text) shown.textContent = text;
}

function rowsOf(page) {
  const agent = agentOf(page);
  const others = inOrder(page).map((person) => {
    const standing = standingOf(page, person);
    const name = nameOf(person) || (isAgent(person) ? NOTES.agent : NOTES.somebody);
    const state = person.identity === agent?.identity ? agentStateOf(page) : null;
    // What an agent does it tells itself; a loud sound of it may be a pause that fades.
    const word = state && standing === "here" ? (STATES[state]?.[0] ?? "").toLowerCase() : STANDINGS[standing];
    const canSpeak = !isAgent(person) && standing !== "unheard" && standing !== "no_sound";
    return { identity: person.identity, name, kind: person.kind, standing: state ?? standing, word, canSpeak };
  });
  const standing = page.microphone !== "on" ? "listening" : page.muted ? "muted" : "here";
  const { identity } = page.me;
  return [{ identity, name: NOTES.you, kind: "me", standing, word: STANDINGS[standing], canSpeak: standing === "here" }, ...others];
}
