/**
 * The page at work: makes the parts, turns what happens into events of `page.js`, and does what the new page asks for.
 *
 * Address: `?room=` and `?name=` fill the form, `?autojoin=1` joins at once, `?raw=1` leaves the microphone's sound as it is,
 * `?record=1` keeps what is heard (heard.js), `#token=` enters with an invitation.
 */

import { Calls } from "./calls.js";
import { Details } from "./details.js";
import { Link } from "./links.js";
import { Log } from "./log.js";
import { identity, nextGeneration, prefer, preference, randomId } from "./memory.js";
import { moderate } from "./moderation.js";
import { askForNumbers } from "./numbers.js";
import { Orb } from "./orb.js";
import { agentStateOf, EMPTY_PAGE, Moderation, Phase, phaseOf, receive } from "./page.js";
import { agentOf, companionsOf, isAgent, nameOf, peersOf } from "./people.js";
import { friendlyRoomName, roomName } from "./room-name.js";
import { Signaling } from "./signaling.js";
import { Sound } from "./sound.js";
import { invitedToken, requestToken, Tokens } from "./token.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { NOTES } from "./words.js";

const OVERDUE_MS = 5000;
/** For so long it is news that something is back. */
const NEWS_MS = 3000;

/** Our one track, as the room knows it. */
const MICROPHONE = Object.freeze({ id: "microphone", kind: "audio", source: "mic" });

class App {
  #address = new URLSearchParams(location.search);
  #page = EMPTY_PAGE;
  #view = new View();
  #transcript = new Transcript();
  #log = new Log(
    document.getElementById("scroller"),
    (line) => this.#nameOf(line),
    (identity) => this.#interrupter(identity),
  );
  #details = new Details(document.getElementById("details"), () => this.#askForNumbers());
  #orb = new Orb(document.getElementById("agent"));
  #sound = new Sound({
    speaker: document.getElementById("voices"),
    mine: document.getElementById("level-me"),
    agents: document.getElementById("level-agent"),
    raw: this.#address.get("raw") === "1",
    recording: this.#address.get("record") === "1",
  });
  #signaling = null;
  #ice = { iceServers: [] };
  #calls = null;
  #events = [];
  #overdue = null;
  #news = null;
  #visit = 0;

  async open() {
    this.#listen();
    this.#view.prefill({
      room: roomName(this.#address.get("room") ?? "") ?? friendlyRoomName(),
      name: this.#address.get("name") ?? preference("name"),
    });
    this.#receive({ type: "opened" });
    requestAnimationFrame((now) => this.#animate(now));
    await this.#sound.prepare();
    if (this.#address.get("autojoin") === "1") await this.#join(this.#view.form());
  }

  #listen() {
    const acts = {
      join: (form) => this.#join(form),
      check: () => this.#sound.openMicrophone(),
      leave: () => this.#leave(),
      mute: () => this.#sound.mute(!this.#page.muted),
      details: ({ open }) => this.#details.show(open),
      say: ({ text }) => this.#say(text),
      device: ({ deviceId }) => this.#sound.chooseMicrophone(deviceId, this.#page.wanted),
      act: ({ name }) => this.#act(name),
      moderate: (wish) => this.#moderate(wish),
    };
    for (const [type, act] of Object.entries(acts)) this.#view.addEventListener(type, ({ detail }) => act(detail));
    for (const type of ["microphone", "muted", "sound"]) {
      this.#sound.addEventListener(type, ({ detail }) => this.#receive({ type, ...detail }));
    }
    this.#sound.addEventListener("track", ({ detail }) => {
      this.#calls?.useMicrophone(detail.track);
      this.#followMicrophone();
    });
    this.#sound.addEventListener("devices", ({ detail }) => this.#view.showDevices(detail.devices, detail.chosen));
    window.addEventListener("online", () => this.#signaling?.retryNow());
  }

  // What the page is, and what follows from it

  /** One event after the other, also those that come of what another one made us do. */
  #receive(event) {
    this.#events.push(event);
    if (this.#events.length > 1) return;
    while (this.#events.length > 0) {
      this.#page = receive(this.#page, this.#events[0]);
      this.#follow();
      this.#events.shift();
    }
  }

  #follow() {
    this.#calls?.follow(peersOf(this.#page));
    this.#followWait();
    this.#followNews();
    this.#followModerator();
    this.#followMicrophone();
    this.#view.render(this.#page);
    this.#orb.state = agentStateOf(this.#page);
  }

  #followModerator() {
    if (this.#page.moderation === Moderation.MUTED && !this.#page.muted) this.#sound.mute(true);
  }

  /** The room knows whether we have a microphone, and whether it is muted. */
  #followMicrophone() {
    if (!this.#page.entered || this.#page.refusal) return;
    const { told } = this.#page;
    const muted = this.#sound.track ? this.#page.muted : null;
    if (muted === told) return;
    const op = told === null ? "publish" : muted === null ? "unpublish" : "update";
    const track = { ...MICROPHONE, muted: muted ?? told };
    if (this.#signaling?.send({ t: "track", op, track })) this.#receive({ type: "told", muted });
  }

  #followNews() {
    if (!this.#page.back || this.#news) return;
    this.#news = setTimeout(() => {
      this.#news = null;
      this.#receive({ type: "settled" });
    }, NEWS_MS);
  }

  #followWait() {
    const waiting = phaseOf(this.#page) === Phase.WAITING;
    if (waiting) {
      this.#overdue ??= setTimeout(() => this.#receive({ type: "overdue" }), OVERDUE_MS);
    } else {
      clearTimeout(this.#overdue);
      this.#overdue = null;
    }
  }

  // The room

  async #join({ room, name }) {
    prefer("name", name);
    putRoomInAddress(room);
    this.#log.apply(this.#transcript.clear());
    this.#details.clear();
    this.#view.showEmptyLog(true);
    this.#receive({ type: "join" });
    const visit = ++this.#visit;
    this.#sound.wake();
    if (!this.#sound.track) await this.#sound.openMicrophone();
    // Whoever left while the browser was asking for the microphone does not want in any more.
    if (visit === this.#visit) this.#enter(room, name);
  }

  #enter(room, name) {
    const request = () => requestToken({ room, identity: identity(), name });
    const tokens = new Tokens({ invitation: invitedToken(location.hash), request });
    const signaling = new Signaling({
      takeToken: () => tokens.take(),
      renewable: () => tokens.renewable,
      knownPeers: () => this.#calls?.standing() ?? {},
    });
    this.#calls = this.#newCalls(signaling);
    const takes = {
      opening: () => this.#receive({ type: "opening" }),
      joined: (message) => this.#joined(message, tokens.rules),
      message: (message) => {
        if (message.t === "token") tokens.push(message.token);
        else this.#take(message);
      },
      lost: (detail) => {
        if (detail.code === "token_expired" || detail.code === "unauthorized") tokens.refuse();
        this.#receive({ type: "lost", ...detail });
      },
      refused: (detail) => {
        this.#signaling = null;
        this.#receive({ type: "refused", ...detail });
        this.#sound.closeMicrophone();
      },
    };
    for (const [type, take] of Object.entries(takes)) {
      signaling.addEventListener(type, ({ detail }) => signaling === this.#signaling && take(detail));
    }
    this.#signaling = signaling;
    signaling.run();
  }

  #newCalls(signaling) {
    const calls = new Calls({ signaling, ice: () => this.#ice, nextGeneration, microphone: () => this.#sound.track });
    calls.addEventListener("state", ({ detail }) => calls === this.#calls && this.#receive({ type: "link", ...detail }));
    calls.addEventListener("sound", ({ detail }) => this.#sound.hear(detail.identity, detail.stream));
    return calls;
  }

  #joined({ room, you, participants, kept, ice, resumed }, rules) {
    this.#ice = iceOf(ice);
    if (!resumed) this.#draw(this.#transcript.suspend());
    this.#receive({ type: "joined", room, me: you, participants, kept, rules });
    this.#calls.roomIsBack();
  }

  #take(message) {
    switch (message.t) {
      case "participant":
        this.#noteComing(message);
        this.#receive({ type: "participant", op: message.op, participant: message.participant, kept: message.kept });
        break;
      case "dispatch":
        this.#receive({ type: "dispatch", op: message.op, reason: message.reason });
        break;
      case "stream":
        this.#draw(this.#transcript.stream(message));
        break;
      case "data":
        if (message.topic === "agent.event") this.#takeEvent(message.from, parse(message.payload));
        break;
      case "ice":
        this.#ice = { ...this.#ice, iceServers: iceOf(message).iceServers };
        break;
      case "error":
        console.warn(`The server objects: ${message.code} ${message.message ?? ""}`);
        break;
      default:
        this.#calls?.receive(message);
    }
  }

  #takeEvent(from, event) {
    this.#details.note(this.#nameOf({ role: "agent", identity: from }), event, Date.now());
    this.#draw(this.#transcript.event(event, Date.now()));
  }

  #noteComing({ op, participant }) {
    const { identity: who } = participant;
    const known = this.#page.people[who];
    if (who === this.#page.me?.identity) return;
    const name = this.#nameOf({ role: isAgent(participant) ? "agent" : "user", identity: who });
    const state = participant.attributes?.["agent.state"];
    if (isAgent(participant) && state && op !== "left" && known?.attributes?.["agent.state"] !== state) {
      this.#details.note(name, { type: "state", state }, Date.now());
    }
    // Told again after we were away, or of a session that was replaced already.
    if (op === "left" && known && (known.absent || known.sid === participant.sid)) {
      this.#draw(this.#transcript.abandon(who));
      this.#draw(this.#transcript.note("presence", NOTES.went(name)));
    } else if (op === "joined" && !known && !isAgent(participant)) {
      this.#draw(this.#transcript.note("presence", NOTES.came(nameOf(participant) || NOTES.somebody)));
    }
  }

  #leave() {
    this.#visit += 1;
    this.#signaling?.leave();
    this.#signaling = null;
    this.#receive({ type: "leave" });
    this.#calls = null;
    this.#sound.closeMicrophone();
  }

  #retry(withoutSound) {
    if (withoutSound && !this.#page.refusal) {
      this.#calls.retry();
      return;
    }
    const form = { ...this.#view.form(), ...(this.#page.room && { room: this.#page.room.name }) };
    this.#leave();
    this.#join(form);
  }

  #act(name) {
    const acts = {
      retry: () => this.#retry(Object.values(this.#page.links).some(({ state }) => state === Link.FAILED)),
      retry_now: () => this.#signaling?.retryNow(),
      leave: () => this.#leave(),
      microphone: () => this.#sound.openMicrophone(),
      without_microphone: () => this.#sound.goWithoutMicrophone(),
      unmute: () => this.#sound.mute(false),
      stay_muted: () => this.#receive({ type: "answered" }),
      sound: () => this.#sound.unlock(),
      reload: () => location.reload(),
    };
    acts[name]();
  }

  // What is said

  #say(text) {
    const sid = randomId();
    const messages = [
      { t: "stream", op: "open", sid, topic: "chat", attributes: {} },
      { t: "stream", op: "chunk", sid, text, n: 0 },
      { t: "stream", op: "close", sid },
    ];
    if (!messages.every((message) => this.#signaling?.send(message))) return;
    this.#draw(this.#transcript.typed(this.#page.me?.identity ?? null, text));
    this.#view.textWasSent();
  }

  #draw(changes) {
    this.#log.apply(changes);
    this.#view.showEmptyLog(this.#log.isEmpty);
  }

  #nameOf({ role, identity: who }) {
    const person = this.#page.people[who];
    const name = person ? nameOf(person) : "";
    if (role === "agent") return name || NOTES.agent;
    return !who || who === this.#page.me?.identity ? NOTES.you : name || NOTES.somebody;
  }

  /** Where an agent does not say who interrupted it, it can only be the one who is there. */
  #interrupter(identity) {
    const alone = companionsOf(this.#page).length === 0;
    if (identity === this.#page.me?.identity || (!identity && alone)) return NOTES.youInASentence;
    return identity && this.#nameOf({ role: "user", identity });
  }

  #askForNumbers() {
    const nameOf = (who) => this.#nameOf(who);
    return askForNumbers({ calls: this.#calls, signaling: this.#signaling, page: this.#page, nameOf });
  }

  async #moderate(wish) {
    const refusal = await moderate(this.#signaling, wish);
    if (!refusal) return;
    const name = this.#nameOf({ role: "user", identity: wish.identity });
    this.#draw(this.#transcript.note("error", NOTES.notModerated(name, refusal)));
  }

  #animate(now) {
    const { mine, voices } = this.#sound.measure(now, agentOf(this.#page)?.identity);
    this.#orb.draw(now, voices.get(agentOf(this.#page)?.identity) ?? 0, mine);
    if (this.#page.me) this.#view.showSpeaking(now, voices.set(this.#page.me.identity, mine));
    requestAnimationFrame((next) => this.#animate(next));
  }
}

function putRoomInAddress(room) {
  const url = new URL(location.href);
  url.searchParams.set("room", room);
  history.replaceState(null, "", url);
}

/** As RTCPeerConnection takes it: for it a null is the text "null". */
function iceOf({ servers = [], policy = "all" } = {}) {
  const iceServers = servers.map(({ urls, username, credential }) => ({ urls, ...(credential && { username, credential }) }));
  return { iceServers, iceTransportPolicy: policy };
}

/** Data is any JSON; agents of other makes send it as text. */
function parse(payload) {
  if (typeof payload !== "string") return payload ?? {};
  try {
    return JSON.parse(payload) ?? {};
  } catch {
    return {};
  }
}

await new App().open();
