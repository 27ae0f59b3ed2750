/** The panel "Details": numbers of the sound both ways while it is open, and what the agent told of itself lately. */

import { summariseAgent } from "./agent-statistics.js";
import { DETAILS } from "./details-words.js";
import { summarise } from "./statistics.js";

const EACH_MS = 1000;
const MAX_EVENTS = 12;
const COLUMNS = 6;

export class Details {
  #here;
  #there;
  #voice;
  #events;
  #ask;
  #before = new Map();
  #agentBefore = null;
  #timer = null;
  #asking = false;

  /**
   * @param element the <details>.
   * @param ask async () => what `askForNumbers` gives.
   */
  constructor(element, ask) {
    [this.#here, this.#there] = element.querySelectorAll("tbody");
    this.#voice = element.querySelector("dl");
    this.#events = element.querySelector("ol");
    this.#ask = ask;
    this.clear();
  }

  /** Counts only while somebody looks. */
  show(open) {
    clearInterval(this.#timer);
    this.#before.clear();
    this.#agentBefore = null;
    if (!open) return;
    this.#timer = setInterval(() => this.#refresh(), EACH_MS);
    this.#refresh();
  }

  /** The agent `who` did something at the wall time `now`; an event of agent.event, or {type: "state", state}. */
  note(who, event, now) {
    const text = wordsOf(event);
    if (!text) return;
    const item = document.createElement("li");
    const at = document.createElement("time");
    at.textContent = new Date(now).toLocaleTimeString();
    item.append(at, ` ${who} ${text}`);
    if (!this.#events.querySelector("time")) this.#events.replaceChildren();
    this.#events.prepend(item);
    while (this.#events.childElementCount > MAX_EVENTS) this.#events.lastElementChild.remove();
  }

  clear() {
    const nothing = document.createElement("li");
    nothing.textContent = DETAILS.nothing;
    this.#events.replaceChildren(nothing);
  }

  async #refresh() {
    // An agent that is slow to answer is not asked again before it has.
    if (this.#asking) return;
    this.#asking = true;
    try {
      const { connections, told, nameOf } = await this.#ask();
      const known = connections.filter(({ statistics }) => statistics);
      show(this.#here, known.map((connection) => this.#hereRow(connection)), DETAILS.none);
      this.#agentBefore = summariseAgent(told, this.#agentBefore);
      this.#showAgent(this.#agentBefore, nameOf);
    } finally {
      this.#asking = false;
    }
  }

  #hereRow({ identity, name, statistics }) {
    const facts = summarise([...statistics.values()], this.#before.get(identity) ?? null);
    this.#before.set(identity, facts);
    return row(name, facts, DETAILS.ways[facts.way] ?? DETAILS.unknown);
  }

  #showAgent(agent, nameOf) {
    const heard = agent?.hears ?? [];
    const rows = heard.map((facts) => row(nameOf(facts.identity), facts, DETAILS.percent(facts.late)));
    show(this.#there, rows, agent ? DETAILS.none : DETAILS.untold);
    const facts = agent ? DETAILS.voice(agent.voice) : [];
    this.#voice.replaceChildren(...facts.map(pair));
  }
}

function row(name, { delay, varies, lost, concealed, level }, last) {
  const whole = document.createElement("tr");
  const head = made("th", name);
  head.scope = "row";
  const cells = [DETAILS.delay(delay, varies), DETAILS.percent(lost), DETAILS.percent(concealed), DETAILS.level(level)];
  whole.append(head, ...[...cells, last].map((text) => made("td", text)));
  return whole;
}

function show(body, rows, otherwise) {
  if (rows.length) {
    body.replaceChildren(...rows);
    return;
  }
  const whole = document.createElement("tr");
  const only = made("td", otherwise);
  only.colSpan = COLUMNS;
  whole.append(only);
  body.replaceChildren(whole);
}

function pair([term, text]) {
  const whole = document.createElement("div");
  whole.append(made("dt", term), made("dd", text));
  return whole;
}

function made(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

function wordsOf({ type, held_seconds: seconds = null, name, state }) {
  switch (type) {
    case "held":
      return DETAILS.held;
    case "resumed":
      return DETAILS.resumed(Number(seconds));
    case "interrupted":
      return DETAILS.interrupted(seconds === null ? null : Number(seconds));
    case "tool":
      return DETAILS.tool(String(name));
    case "error":
      return DETAILS.error;
    case "state":
      return DETAILS.state(state);
    default:
      return null;
  }
}
