/**
 * The page at work: makes the parts, turns what happens into events of `page.js`, and does what the new page asks for.
 *
 * Address: `?room=` and `?name=` fill the form, `?autojoin=1` joins at once, `?raw=1` leaves the microphone's sound as it is,
 * `?record=1` keeps what is heard (heard.js), `#token=` enters with an invitation.
 */

import { Call } from "./call.js";
import { prepare as prepareRecording, record } from "./heard.js";
import { Log } from "./log.js";
import { identity, nextGeneration, prefer, preference, randomId } from "./memory.js";
import { Meter } from "./meter.js";
import { Microphone } from "./microphone.js";
import { Orb } from "./orb.js";
import { agentOf, agentStateOf, EMPTY_PAGE, Link, Phase, phaseOf, receive } from "./page.js";
import { friendlyRoomName, roomName } from "./room-name.js";
import { Signaling } from "./signaling.js";
import { Speaker } from "./speaker.js";
import { invitedToken, requestToken } from "./token.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";
import { NOTES } from "./words.js";

const OVERDUE_MS = 5000;
const ASKING_PATIENCE_MS = 1200;

class App {
  #address = new URLSearchParams(location.search);
  #page = EMPTY_PAGE;
  #view = new View();
  #transcript = new Transcript();
  #log = new Log(document.getElementById("scroller"), (line) => this.#nameOf(line));
  #orb = new Orb(document.getElementById("agent"));
  #myMeter = new Meter(document.getElementById("level-me"));
  #agentMeter = new Meter(document.getElementById("level-agent"));
  #speaker = new Speaker(document.getElementById("voice"));
  #microphone = new Microphone({ raw: this.#address.get("raw") === "1" });
  #audio = null;
  #signaling = null;
  #iceServers = [];
  #call = null;
  #callSid = null;
  #overdue = null;
  #goWithoutMicrophone = () => {};
  #visit = 0;

  async open() {
    this.#listen();
    this.#view.prefill({
      room: roomName(this.#address.get("room") ?? "") ?? friendlyRoomName(),
      name: this.#address.get("name") ?? preference("name"),
    });
    this.#receive({ type: "opened" });
    requestAnimationFrame((now) => this.#animate(now));
    if (this.#records) await prepareRecording();
    await this.#showDevices();
    if (this.#address.get("autojoin") === "1") await this.#join(this.#view.form());
  }

  get #records() {
    return this.#address.get("record") === "1";
  }

  #listen() {
    const acts = {
      join: (form) => this.#join(form),
      check: () => this.#openMicrophone(),
      leave: () => this.#leave(),
      mute: () => this.#toggleMute(),
      say: ({ text }) => this.#say(text),
      device: ({ deviceId }) => this.#changeDevice(deviceId),
      act: ({ name }) => this.#act(name),
    };
    for (const [type, act] of Object.entries(acts)) this.#view.addEventListener(type, ({ detail }) => act(detail));
    this.#speaker.addEventListener("blocked", ({ detail }) => this.#receive({ type: "sound", ...detail }));
    this.#microphone.addEventListener("devices", () => this.#showDevices());
    this.#microphone.addEventListener("gone", () => this.#loseMicrophone());
    window.addEventListener("online", () => this.#signaling?.retryNow());
    // Browsers hold sound back until the first touch of the page.
    for (const type of ["pointerdown", "keydown"]) window.addEventListener(type, () => this.#audio?.resume());
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
      iceServers: () => this.#iceServers,
      nextGeneration,
      microphone: this.#microphone.track,
    });
    this.#call.addEventListener("state", ({ detail }) => this.#receive({ type: "link", ...detail }));
    this.#call.addEventListener("sound", ({ detail }) => this.#hear(detail.stream));
    this.#call.start();
  }

  #endCall() {
    this.#call.close();
    this.#call = null;
    this.#hear(null);
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
    this.#wakeAudio();
    if (!this.#microphone.track) await this.#openMicrophone();
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
        this.#closeMicrophone();
      },
    };
    for (const [type, take] of Object.entries(takes)) {
      signaling.addEventListener(type, ({ detail }) => signaling === this.#signaling && take(detail));
    }
    this.#signaling = signaling;
    signaling.run();
  }

  #joined({ room, you, participants, ice, resumed }) {
    this.#iceServers = iceServersOf(ice?.servers);
    if (!resumed) this.#draw(this.#transcript.abandon());
    this.#receive({ type: "joined", room, me: you, participants: participants ?? [] });
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
        this.#iceServers = iceServersOf(message.servers);
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
    this.#closeMicrophone();
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
      microphone: () => this.#openMicrophone(),
      without_microphone: () => this.#goWithoutMicrophone(),
      sound: () => this.#enableSound(),
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
    const name = this.#page.people[who]?.name;
    if (role === "agent") return name || NOTES.agent;
    return !who || who === this.#page.me?.identity ? NOTES.you : name || NOTES.somebody;
  }

  // Sound

  #audioContext() {
    this.#audio ??= new AudioContext();
    return this.#audio;
  }

  #wakeAudio() {
    // Not waited for: without a touch of the page this stays pending, and only the meters stand still.
    this.#audioContext().resume();
  }

  #hear(stream) {
    this.#agentMeter.listen(this.#audioContext(), stream);
    if (stream && this.#records) record(stream);
    this.#speaker.play(stream);
  }

  #enableSound() {
    this.#wakeAudio();
    this.#speaker.unlock();
  }

  /** Resolves when the microphone is there, cannot be had, or is not waited for any longer. */
  #openMicrophone(deviceId = preference("microphone")) {
    const without = new Promise((resolve) => {
      this.#goWithoutMicrophone = () => {
        this.#microphoneIs("off");
        resolve();
      };
    });
    return Promise.race([this.#tryMicrophone(deviceId), without]);
  }

  async #tryMicrophone(deviceId) {
    this.#microphoneIs("asking");
    const patience = setTimeout(() => this.#microphoneIs("microphone_asking"), ASKING_PATIENCE_MS);
    let state = "on";
    try {
      await this.#microphone.open(deviceId);
    } catch (error) {
      state = error.code;
    } finally {
      clearTimeout(patience);
    }
    if (state === "superseded") return;
    this.#wakeAudio();
    this.#myMeter.listen(this.#audioContext(), this.#microphone.stream);
    this.#microphoneIs(state);
    await this.#call?.useMicrophone(this.#microphone.track);
    await this.#showDevices();
  }

  #loseMicrophone() {
    this.#myMeter.listen(this.#audio, null);
    this.#microphoneIs("microphone_gone");
    this.#call?.useMicrophone(null);
  }

  /** Nobody listens any more, so the browser's sign of it must go out. */
  #closeMicrophone() {
    this.#microphone.close();
    this.#myMeter.listen(this.#audio, null);
    this.#microphoneIs("unasked");
  }

  #microphoneIs(state) {
    this.#receive({ type: "microphone", state });
  }

  #changeDevice(deviceId) {
    prefer("microphone", deviceId);
    if (this.#microphone.track || this.#page.wanted) this.#openMicrophone(deviceId);
  }

  async #showDevices() {
    this.#view.showDevices(await this.#microphone.devices(), this.#microphone.deviceId || preference("microphone"));
  }

  #toggleMute() {
    this.#microphone.muted = !this.#microphone.muted;
    this.#receive({ type: "muted", muted: this.#microphone.muted });
  }

  #animate(now) {
    this.#myMeter.sample(now);
    this.#agentMeter.sample(now);
    this.#orb.draw(now, this.#agentMeter.level, this.#myMeter.level);
    requestAnimationFrame((next) => this.#animate(next));
  }
}

function putRoomInAddress(room) {
  const url = new URL(location.href);
  url.searchParams.set("room", room);
  history.replaceState(null, "", url);
}

/** As RTCPeerConnection takes them: for it a null is the text "null". */
function iceServersOf(servers = []) {
  return servers.map(({ urls, username, credential }) => ({ urls, ...(credential && { username, credential }) }));
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
