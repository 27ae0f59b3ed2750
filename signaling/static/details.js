/** The panel "Details": numbers of each connection while it is open, and what the agent told of itself lately. */

import { summarise } from "./statistics.js";
import { DETAILS } from "./words.js";

const EACH_MS = 1000;
const MAX_EVENTS = 12;

export class Details {
  #rows;
  #events;
  #ask;
  #before = new Map();
  #timer = null;

  /**
   * @param element the <details>.
   * @param ask async () => [{identity, name, statistics}], `statistics` of RTCPeerConnection.getStats() or null.
   */
  constructor(element, ask) {
    this.#rows = element.querySelector("tbody");
    this.#events = element.querySelector("ol");
    this.#ask = ask;
    this.clear();
  }

  /** Counts only while somebody looks. */
  show(open) {
    clearInterval(this.#timer);
    this.#before.clear();
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
    const connections = await this.#ask();
    const rows = connections.filter(({ statistics }) => statistics).map((connection) => this.#row(connection));
    this.#rows.replaceChildren(...(rows.length ? rows : [nobody()]));
  }

  #row({ identity, name, statistics }) {
    const facts = summarise([...statistics.values()], this.#before.get(identity) ?? null);
    this.#before.set(identity, facts);
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    row.append(head);
    const { roundTrip, lost, jitter, concealed, way } = facts;
    const cells = [DETAILS.ms(roundTrip), DETAILS.percent(lost), DETAILS.ms(jitter), DETAILS.percent(concealed)];
    for (const text of [...cells, DETAILS.ways[way] ?? "–"]) row.append(cell(text));
    return row;
  }
}

function cell(text) {
  const made = document.createElement("td");
  made.textContent = text;
  return made;
}

function nobody() {
  const row = document.createElement("tr");
  const whole = cell(DETAILS.none);
  whole.colSpan = 6;
  row.append(whole);
  return row;
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
