/**
 * The page at work: makes the parts, turns what happens into events of `page.js`, and does what the new page asks for.
 *
 * Address: `?room=` and `?name=` fill the form, `?autojoin=1` joins at once, `?raw=1` leaves the microphone's sound as it is,
 * `?record=1` keeps what is heard (heard.js), `#token=` enters with an invitation.
 */

import { Call } from "./call.js";
import { Log } from "./log.js";
import { identity, nextGeneration, prefer, preference, randomId } from "./memory.js";
import { Orb } from "./orb.js";
import { agentOf, agentStateOf, EMPTY_PAGE, Link, Phase, phaseOf, receive } from "./page.js";
import { friendlyRoomName, roomName } from "./room-name.js";
import { Signaling } from "./signaling.js";
import { Sound } from "./sound.js";
import { invitedToken, requestToken } from "./token.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { NOTES } from "./words.js";

const OVERDUE_MS = 5000;

class App {
  #address = new URLSearchParams(location.search);
  #page = EMPTY_PAGE;
  #view = new View();
  #transcript = new Transcript();
  #log = new Log(document.getElementById("scroller"), (line) => this.#nameOf(line));
  #orb = new Orb(document.getElementById("agent"));
  #sound = new Sound({
    speaker: document.getElementById("voice"),
    mine: document.getElementById("level-me"),
    agents: document.getElementById("level-agent"),
    raw: this.#address.get("raw") === "1",
    recording: this.#address.get("record") === "1",
  });
  #signaling = null;
  #ice = { iceServers: [] };
  #call = null;
  #callSid = null;
  #overdue = null;
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
      mute: () => this.#sound.toggleMute(),
      say: ({ text }) => this.#say(text),
      device: ({ deviceId }) => this.#sound.chooseMicrophone(deviceId, this.#page.wanted),
      act: ({ name }) => this.#act(name),
    };
    for (const [type, act] of Object.entries(acts)) this.#view.addEventListener(type, ({ detail }) => act(detail));
    for (const type of ["microphone", "muted", "sound"]) {
      this.#sound.addEventListener(type, ({ detail }) => this.#receive({ type, ...detail }));
    }
    this.#sound.addEventListener("track", ({ detail }) => this.#call?.useMicrophone(detail.track));
    this.#sound.addEventListener("devices", ({ detail }) => this.#view.showDevices(detail.devices, detail.chosen));
    window.addEventListener("online", () => this.#signaling?.retryNow());
  }

  // What the page is, and what follows from it

  #receive(event) {
    this.#page = receive(this.#page, event);
    this.#followAgent();
    this.#followWait();
    this.#view.render(this.#page);
    this.#orb.state = agentStateOf(this.#page);
  }

  /** One call to the agent that is there; none when there is none. */
  #followAgent() {
    const agent = this.#page.refusal ? null : agentOf(this.#page);
    const same = this.#call !== null && agent?.identity === this.#call.agent;
    // An agent that came back under its name has forgotten the connection, unless it still stands.
    if (same && (agent.sid === this.#callSid || this.#page.link === Link.CONNECTED)) {
      this.#callSid = agent.sid;
      return;
    }
    if (this.#call) this.#endCall();
    if (agent) this.#startCall(agent);
  }

  #startCall(agent) {
    this.#callSid = agent.sid;
    this.#call = new Call({
      agent: agent.identity,
      signaling: this.#signaling,
      ice: () => this.#ice,
      nextGeneration,
      microphone: this.#sound.track,
    });
    this.#call.addEventListener("state", ({ detail }) => this.#receive({ type: "link", ...detail }));
    this.#call.addEventListener("sound", ({ detail }) => this.#sound.hear(detail.stream));
    this.#call.start();
  }

  #endCall() {
    this.#call.close();
    this.#call = null;
    this.#sound.hear(null);
    this.#page = receive(this.#page, { type: "link", state: Link.NONE });
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
    this.#view.showEmptyLog(true);
    this.#receive({ type: "join" });
    const visit = ++this.#visit;
    this.#sound.wake();
    if (!this.#sound.track) await this.#sound.openMicrophone();
    // Whoever left while the browser was asking for the microphone does not want in any more.
    if (visit === this.#visit) this.#enter(room, name);
  }

  #enter(room, name) {
    let invitation = invitedToken(location.hash);
    const signaling = new Signaling({
      takeToken: async () => invitation ?? requestToken({ room, identity: identity(), name }),
      renewable: invitation === null,
    });
    const takes = {
      opening: () => this.#receive({ type: "opening" }),
      joined: (message) => this.#joined(message),
      message: (message) => {
        if (message.t === "token" && invitation) invitation = message.token;
        this.#take(message);
      },
      lost: (detail) => this.#receive({ type: "lost", ...detail }),
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

  #joined({ room, you, participants, ice, resumed }) {
    this.#ice = iceOf(ice);
    if (!resumed) this.#draw(this.#transcript.abandon());
    this.#receive({ type: "joined", room, me: you, participants });
    this.#call?.roomIsBack();
  }

  #take(message) {
    switch (message.t) {
      case "participant":
        this.#noteComing(message);
        this.#receive({ type: "participant", op: message.op, participant: message.participant });
        break;
      case "dispatch":
        this.#receive({ type: "dispatch", op: message.op, reason: message.reason });
        break;
      case "stream":
        this.#draw(this.#transcript.stream(message));
        break;
      case "data":
        if (message.topic === "agent.event") this.#draw(this.#transcript.event(parse(message.payload), Date.now()));
        break;
      case "ice":
        this.#ice = { ...this.#ice, iceServers: iceOf(message).iceServers };
        break;
      case "error":
        console.warn(`The server objects: ${message.code} ${message.message ?? ""}`);
        break;
      default:
        this.#call?.receive(message);
    }
  }

  #noteComing({ op, participant }) {
    const name = this.#nameOf({ role: participant.kind === "agent" ? "agent" : "user", identity: participant.identity });
    if (op === "left") {
      this.#draw(this.#transcript.abandon(participant.identity));
      this.#draw(this.#transcript.note("presence", NOTES.went(name)));
    } else if (op === "joined" && participant.kind !== "agent") {
      this.#draw(this.#transcript.note("presence", NOTES.came(participant.name || NOTES.somebody)));
    }
  }

  #leave() {
    this.#visit += 1;
    this.#signaling?.leave();
    this.#signaling = null;
    this.#receive({ type: "leave" });
    this.#sound.closeMicrophone();
  }

  #retry() {
    if (this.#page.link === Link.FAILED && !this.#page.refusal) {
      this.#call.start();
      return;
    }
    const form = { ...this.#view.form(), ...(this.#page.room && { room: this.#page.room.name }) };
    this.#leave();
    this.#join(form);
  }

  #act(name) {
    const acts = {
      retry: () => this.#retry(),
      retry_now: () => this.#signaling?.retryNow(),
      leave: () => this.#leave(),
      microphone: () => this.#sound.openMicrophone(),
      without_microphone: () => this.#sound.goWithoutMicrophone(),
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
    const person = Object.values(this.#page.people).find(({ identity: theirs }) => theirs === who);
    // An agent without a name of its own is called by its identity.
    const name = person?.name === who ? "" : person?.name;
    if (role === "agent") return name || NOTES.agent;
    return !who || who === this.#page.me?.identity ? NOTES.you : name || NOTES.somebody;
  }

  #animate(now) {
    const { voice, ear } = this.#sound.measure(now);
    this.#orb.draw(now, voice, ear);
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
