/**
 * The list of who is here: names, and what each of them does now. Shown when there is more than one agent and us.
 * Who may rule the room can mute and remove people there.
 */

import { agentStateOf, phaseOf, Phase } from "./page.js";
import { agentOf, companionsOf, inOrder, isAgent, isMuted, nameOf, standingOf } from "./people.js";
import { MODERATION, NOTES, STANDINGS, STATES } from "./words.js";

/** A voice is this loud at least, and a person is shown as speaking for a moment longer than it is heard. */
const VOICE_LEVEL = 0.3;
const LINGER_MS = 400;
/** Removing cannot be taken back: it takes a second press within this time. */
const SURE_MS = 4000;

export class Roster {
  #list;
  #moderate;
  #items = new Map();

  /** @param moderate ({op, identity, muted}) => does to somebody what a button says: "mute" or "remove". */
  constructor(list, moderate) {
    this.#list = list;
    this.#moderate = moderate;
  }

  render(page) {
    const people = page.me && !page.refusal && phaseOf(page) !== Phase.IDLE ? rowsOf(page) : [];
    this.#list.hidden = companionsOf(page).length === 0 || people.length === 0;
    this.#list.classList.toggle("ruled", page.rules);
    const there = new Set(people.map(({ identity }) => identity));
    for (const [identity, { element, doubt }] of this.#items) {
      if (there.has(identity)) continue;
      clearTimeout(doubt);
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

  #render({ identity, name, kind, standing, word, canSpeak, can }, index) {
    const item = this.#items.get(identity) ?? this.#add(identity);
    Object.assign(item, { standing, word, canSpeak });
    item.speaks &&= canSpeak;
    item.element.dataset.kind = kind;
    if (item.name.textContent !== name) item.name.textContent = name;
    if (this.#list.children[index] !== item.element) this.#list.insertBefore(item.element, this.#list.children[index]);
    show(item);
    this.#renderControls(item, { identity, name, can });
  }

  #renderControls(item, { identity, name, can }) {
    if (can === null) {
      item.controls?.remove();
      item.controls = null;
      return;
    }
    if (!item.controls) this.#addControls(item, identity);
    const { mute, remove } = item;
    mute.hidden = can.mute === null;
    item.muted = can.mute === "mute";
    label(mute, MODERATION[can.mute ?? "mute"], name);
    if (!item.doubt) label(remove, MODERATION.remove, name);
    item.of = name;
  }

  #addControls(item, identity) {
    item.controls = document.createElement("span");
    item.controls.className = "person-controls";
    item.mute = button(() => this.#moderate({ op: "mute", identity, muted: item.muted }));
    item.remove = button(() => this.#askTwice(item, identity));
    item.controls.append(item.mute, item.remove);
    item.element.append(item.controls);
  }

  #askTwice(item, identity) {
    if (item.doubt) {
      this.#moderate({ op: "remove", identity });
      return;
    }
    label(item.remove, MODERATION.sure, item.of);
    item.doubt = setTimeout(() => {
      item.doubt = null;
      label(item.remove, MODERATION.remove, item.of);
    }, SURE_MS);
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
    const item = { element, name, shown: word, heardAt: -Infinity, speaks: false, controls: null, doubt: null };
    this.#items.set(identity, item);
    return item;
  }
}

function button(act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button tiny";
  made.addEventListener("click", act);
  return made;
}

/** What is read out says whom it is about, as the eye sees by the place. */
function label(made, { word, spoken }, name) {
  if (made.textContent !== word) made.textContent = word;
  made.setAttribute("aria-label", spoken(name));
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
    const can = page.rules && !isAgent(person) ? { mute: muteOf(person) } : null;
    return { identity: person.identity, name, kind: person.kind, standing: state ?? standing, word, canSpeak, can };
  });
  const standing = page.microphone !== "on" ? "listening" : page.muted ? "muted" : "here";
  const { identity } = page.me;
  const canSpeak = standing === "here";
  return [{ identity, name: NOTES.you, kind: "me", standing, word: STANDINGS[standing], canSpeak, can: null }, ...others];
}

/** What can be done about somebody's microphone: nobody is unmuted by another one, but asked. */
function muteOf(person) {
  if (!person.tracks?.some(({ source }) => source === "mic")) return null;
  return isMuted(person) ? "ask" : "mute";
}
