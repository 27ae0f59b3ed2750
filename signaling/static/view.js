/** The page's own elements: shows what `page.js` says it is, and tells what a person does with them. */

import { Notices } from "./notices.js";
import { agentStateOf, canType, phaseOf, Phase } from "./page.js";
import { companionsOf } from "./people.js";
import { problemsOf } from "./problems.js";
import { roomName } from "./room-name.js";
import { Roster } from "./roster.js";
import { HINT_MUTED, HINT_TYPE, LABELS, NOTES, STATES } from "./words.js";

const COPIED_MS = 2000;

const byId = (id) => document.getElementById(id);

/**
 * Events: "join" {room, name}, "check", "leave", "mute", "say" {text}, "device" {deviceId}, "details" {open},
 * "act" {name}, "moderate" {op, identity, muted}.
 */
export class View extends EventTarget {
  #notices;
  #roster = new Roster(byId("people"), (wish) => this.#tell("moderate", wish));
  #inCall = false;

  constructor() {
    super();
    this.#notices = new Notices(byId("notices"), (name) => this.#tell("act", { name }));
    byId("lobby").addEventListener("submit", (event) => this.#submitLobby(event));
    byId("composer").addEventListener("submit", (event) => this.#submitText(event));
    byId("room").addEventListener("input", () => this.#complainOfRoom(false));
    byId("check").addEventListener("click", () => this.#tell("check"));
    byId("leave").addEventListener("click", () => this.#tell("leave"));
    byId("mute").addEventListener("click", () => this.#tell("mute"));
    byId("details").addEventListener("toggle", ({ target }) => this.#tell("details", { open: target.open }));
    byId("copy").addEventListener("click", () => this.#copyLink());
    for (const select of document.querySelectorAll("[data-devices]")) {
      select.addEventListener("change", () => this.#tell("device", { deviceId: select.value }));
    }
  }

  /** Fills the form that a person sees first. */
  prefill({ room, name }) {
    byId("room").value = room;
    byId("name").value = name;
  }

  /** What the form says now; null when the room's name is not one. */
  form() {
    const room = roomName(byId("room").value);
    return room && { room, name: byId("name").value.trim() };
  }

  /** Empties the box after its text was sent. */
  textWasSent() {
    byId("text").value = "";
  }

  showEmptyLog(isEmpty) {
    byId("empty").hidden = !isEmpty;
  }

  /** @param devices [{deviceId, label}]; @param chosen the id of the one in use. */
  showDevices(devices, chosen) {
    for (const select of document.querySelectorAll("[data-devices]")) {
      const options = devices.length ? devices : [{ deviceId: "", label: LABELS.defaultMicrophone }];
      select.replaceChildren(...options.map(({ deviceId, label }) => new Option(label, deviceId)));
      select.disabled = devices.length < 2;
      if (devices.some(({ deviceId }) => deviceId === chosen)) select.value = chosen;
    }
  }

  /** Shows who speaks now; `levels` is a Map of identity to 0..1, to be called once per animation frame. */
  showSpeaking(now, levels) {
    this.#roster.showSpeaking(now, levels);
  }

  render(page) {
    const phase = phaseOf(page);
    document.body.dataset.state = phase;
    this.#renderPlaces(page, phase);
    this.#renderState(page, phase);
    this.#renderControls(page, phase);
    this.#notices.show(problemsOf(page), page.retryAt);
  }

  #renderPlaces(page, phase) {
    const inCall = page.entered && phase !== Phase.IDLE;
    const shown = { lobby: !inCall, call: inCall, heard: inCall || page.microphone === "on" };
    for (const element of document.querySelectorAll("[data-when]")) element.hidden = !shown[element.dataset.when];
    document.body.classList.toggle("in-call", inCall);
    if (inCall !== this.#inCall) {
      this.#inCall = inCall;
      // What had the focus has gone with its place.
      byId(inCall ? "state-word" : "join").focus({ preventScroll: true });
    }
    byId("room-shown").textContent = page.room?.name ?? "";
    const others = companionsOf(page).length;
    setText(byId("companions"), others ? NOTES.companions(others) : "");
    this.#roster.render(page);
  }

  #renderState(page, phase) {
    const key = wordKey(page, phase);
    const [word, hint] = STATES[key];
    setText(byId("state-word"), word);
    setText(byId("state-hint"), hintFor(page, key) ?? hint);
  }

  #renderControls(page, phase) {
    const busy = !page.entered && (phase === Phase.JOINING || phase === Phase.RECONNECTING);
    byId("join").disabled = busy;
    setText(byId("join"), busy ? LABELS.joining : LABELS.join);
    byId("check").hidden = page.microphone === "on";
    byId("mute").disabled = page.microphone !== "on";
    byId("mute").classList.toggle("active", page.muted);
    byId("mute").querySelector("use").setAttribute("href", page.muted ? "#mic-off" : "#mic");
    setText(byId("mute-label"), page.muted ? LABELS.unmute : LABELS.mute);
    byId("level-me").classList.toggle("muted", page.muted || page.microphone !== "on");
    byId("send").disabled = !canType(page);
  }

  #submitLobby(event) {
    event.preventDefault();
    const form = this.form();
    this.#complainOfRoom(!form);
    if (form) this.#tell("join", form);
    else byId("room").focus();
  }

  #complainOfRoom(bad) {
    const help = byId("room-help");
    help.dataset.usual ??= help.textContent;
    setText(help, bad ? LABELS.badRoom : help.dataset.usual);
    help.classList.toggle("bad", bad);
    byId("room").setAttribute("aria-invalid", String(bad));
  }

  #submitText(event) {
    event.preventDefault();
    const text = byId("text").value.trim();
    if (text && !byId("send").disabled) this.#tell("say", { text });
  }

  async #copyLink() {
    const url = new URL(location.href);
    url.hash = "";
    const label = byId("copy-label");
    label.dataset.usual ??= label.textContent;
    try {
      await navigator.clipboard.writeText(url.href);
      label.textContent = LABELS.copied;
    } catch {
      label.textContent = LABELS.copyFailed;
    }
    setTimeout(() => setText(label, label.dataset.usual), COPIED_MS);
  }

  #tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Which of STATES it is: the agent's own while we are connected, else the page's. */
function wordKey(page, phase) {
  if (phase === Phase.WAITING && problemsOf(page).some(({ slot }) => slot === "agent")) return "alone";
  if (phase !== Phase.CONNECTED) return phase;
  const state = agentStateOf(page);
  return state === "connecting" ? "initializing" : state;
}

function hintFor(page, key) {
  if (key !== "listening") return null;
  if (page.microphone !== "on") return HINT_TYPE;
  return page.muted ? HINT_MUTED : null;
}

/** Live regions speak when they are written to, even with the same words. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
