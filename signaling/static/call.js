/**
 * The sound between us and one other member: an RTCPeerConnection that we watch, and build anew when it breaks.
 *
 * What is broken is replaced, since an agent cannot restart ICE: `pc_rebuild`, then an offer with a higher `gen`, at
 * most three tries. What belongs to an earlier `gen` is dropped. Agents are always offered to; of two humans the one
 * who came later begins, and either may rebuild.
 *
 * Events: "state" {state, attempt, reason} with a `Link`, "sound" {stream} of the other's voice.
 */

import { Link, takesOffer } from "./links.js";

const PC = "main";
/** How long each try may take to connect; their sum is the 30 s that a rebuild may last. */
const CONNECT_DEADLINES_MS = [15_000, 8000, 7000];
const DISCONNECTED_PATIENCE_MS = 3000;
/** The server takes one new connection in two seconds from each of us. */
const REJECTED_PAUSE_MS = 2000;
const MAX_EARLY_CANDIDATES = 64;
/** A connection that stood this long was a good one: its loss begins a new count of tries. */
const PROVEN_MS = 10_000;
/** Of a TURN server that does not take our credentials (RFC 8489, section 9.2.4). */
const UNAUTHORIZED = 401;

export class Call extends EventTarget {
  #identity;
  #offers;
  #answers;
  #polite;
  #signaling;
  #ice;
  #nextGeneration;
  #microphone;
  #peer = null;
  #gen = -1;
  #state = Link.NONE;
  #attempt = 0;
  #everConnected = false;
  #connectedAt = 0;
  #timer = null;
  #losing = false;
  #early = [];
  #waitsForRoom = false;
  #relayTrouble = null;

  /**
   * @param identity of the other one.
   * @param offers whether we begin; `answers` whether we take offers; `polite` whether ours gives way to a crossing one.
   * @param signaling a `Signaling`.
   * @param ice () => {iceServers, iceTransportPolicy} of an RTCConfiguration, asked for each new connection.
   * @param nextGeneration (above) => number, higher each time and higher than `above`.
   * @param microphone a MediaStreamTrack, or null to listen only.
   */
  constructor({ identity, offers, answers, polite, signaling, ice, nextGeneration, microphone }) {
    super();
    this.#identity = identity;
    this.#offers = offers;
    this.#answers = answers;
    this.#polite = polite;
    this.#signaling = signaling;
    this.#ice = ice;
    this.#nextGeneration = nextGeneration;
    this.#microphone = microphone;
  }

  get state() {
    return this.#state;
  }

  /** Of the connection that there is; what is said of another one is not for it. */
  get gen() {
    return this.#gen;
  }

  /** What the browser counts of this connection, a Map as of RTCPeerConnection.getStats(); null without one. */
  async statistics() {
    return (await this.#peer?.getStats()) ?? null;
  }

  /** Begins, or waits for the other one to. */
  start() {
    this.#attempt = 1;
    if (this.#offers) this.#build();
    else this.#await();
  }

  /** Begins again after "failed". */
  restart() {
    this.#attempt = 1;
    this.#rebuild("retry");
  }

  /** Ends for good; no event follows. */
  close() {
    this.#identity = null;
    this.#drop();
  }

  /** The room is back after a loss: does what could not be asked for meanwhile, or did not succeed. */
  roomIsBack() {
    if (this.#state === Link.FAILED) this.restart();
    else if (this.#waitsForRoom) this.#build();
  }

  /** Speaks with another microphone; null stops speaking. */
  async useMicrophone(track) {
    const before = this.#microphone;
    this.#microphone = track;
    if (!this.#peer || before === track) return;
    if (before && track) {
      await this.#peer.getTransceivers()[0].sender.replaceTrack(track);
      return;
    }
    // Whether we speak or only listen was agreed with the other one: another agreement is another connection.
    this.#attempt = 1;
    this.#rebuild("microphone");
  }

  /** Takes a message of the room that came from the other one. */
  receive(message) {
    if ((message.pc ?? PC) !== PC) return;
    if (message.t === "offer") {
      this.#offered(message);
      return;
    }
    if (message.gen !== undefined && message.gen !== this.#gen) return;
    switch (message.t) {
      case "answer":
        this.#answered(this.#peer, message.sdp);
        break;
      case "candidate":
        this.#addCandidate(this.#peer, message);
        break;
      case "reject":
        this.#lose(message.message ?? message.code, REJECTED_PAUSE_MS);
        break;
      case "pc_rebuild":
        // A human who asks for another connection offers it, too.
        if (this.#answers) this.#await();
        else this.#lose("asked");
        break;
      case "renegotiate":
        this.#lose("asked");
        break;
      default:
    }
  }

  /** Makes a connection and offers it. */
  #build() {
    this.#gen = this.#nextGeneration(this.#gen);
    const peer = this.#open();
    peer.addTransceiver(this.#microphone ?? "audio", { direction: this.#microphone ? "sendrecv" : "recvonly" });
    this.#offer(peer);
  }

  /** Has no connection until the other one offers; begins itself when that takes too long. */
  #await() {
    this.#drop();
    this.#beginTry();
  }

  #beginTry() {
    this.#emitState(this.#everConnected ? Link.REBUILDING : Link.CONNECTING);
    const deadline = CONNECT_DEADLINES_MS[this.#attempt - 1] ?? CONNECT_DEADLINES_MS.at(-1);
    this.#after(deadline, () => this.#lose("timeout"));
  }

  #open() {
    this.#drop();
    const gen = this.#gen;
    const ice = this.#ice();
    const peer = new RTCPeerConnection({ ...ice, bundlePolicy: "max-bundle" });
    this.#peer = peer;
    peer.onicecandidate = ({ candidate }) => this.#sendCandidate(gen, candidate);
    peer.onicecandidateerror = (error) => peer === this.#peer && this.#noteRelay(error, ice.iceTransportPolicy);
    peer.onconnectionstatechange = () => this.#follow(peer, peer.connectionState);
    peer.ontrack = ({ track, streams }) => this.#emit("sound", { stream: streams[0] ?? new MediaStream([track]) });
    this.#beginTry();
    return peer;
  }

  async #offer(peer) {
    if (!peer || peer.signalingState !== "stable") return;
    try {
      await peer.setLocalDescription();
      if (peer !== this.#peer) return;
      const { sdp } = peer.localDescription;
      await this.#signaling.request({ t: "offer", to: this.#identity, pc: PC, gen: this.#gen, sdp });
    } catch (error) {
      if (peer === this.#peer) this.#notHeard(error);
    }
  }

  /** What we said of the new connection did not get through. */
  #notHeard({ code, message }) {
    if (code === "offline") {
      clearTimeout(this.#timer);
      this.#waitsForRoom = true;
    } else if (code !== "request_timeout") {
      this.#lose(message, REJECTED_PAUSE_MS);
    }
    // Without an answer to the request the connection may still come: the deadline decides.
  }

  /** The other human offers a connection: takes it in place of what there is, unless ours goes before. */
  async #offered({ gen, sdp }) {
    const offering = this.#peer !== null && this.#peer.remoteDescription === null;
    if (!this.#answers || !takesOffer({ gen: this.#gen, offering, polite: this.#polite }, gen)) return;
    this.#gen = gen;
    if (this.#state === Link.FAILED) this.#attempt = 1;
    const peer = this.#open();
    try {
      await peer.setRemoteDescription({ type: "offer", sdp });
      const [transceiver] = peer.getTransceivers();
      transceiver.direction = this.#microphone ? "sendrecv" : "recvonly";
      await transceiver.sender.replaceTrack(this.#microphone);
      await peer.setLocalDescription();
      if (peer !== this.#peer) return;
      this.#described(peer);
      await this.#signaling.request({ t: "answer", to: this.#identity, pc: PC, gen, sdp: peer.localDescription.sdp });
    } catch (error) {
      if (peer === this.#peer) this.#notHeard(error);
    }
  }

  async #answered(peer, sdp) {
    if (peer?.signalingState !== "have-local-offer") return;
    try {
      await peer.setRemoteDescription({ type: "answer", sdp });
    } catch {
      if (peer === this.#peer) this.#lose("failed");
      return;
    }
    if (peer === this.#peer) this.#described(peer);
  }

  /** Both sides have said what they are. */
  #described(peer) {
    // The other one says good-bye by DTLS; ICE would notice in many seconds.
    const { transport } = peer.getReceivers()[0];
    transport.onstatechange = () => transport.state === "closed" && this.#follow(peer, "closed");
    for (const message of this.#early.splice(0)) this.#addCandidate(peer, message);
  }

  #addCandidate(peer, message) {
    if (!peer) return;
    if (!peer.remoteDescription) {
      // What comes beyond the limit is dropped: so many ways were not needed yet.
      if (this.#early.length < MAX_EARLY_CANDIDATES) this.#early.push(message);
      return;
    }
    const { candidate, sdpMid, sdpMLineIndex } = message;
    // One bad candidate is no reason to lose the good ones.
    peer.addIceCandidate(candidate ? { candidate, sdpMid, sdpMLineIndex } : undefined).catch(() => {});
  }

  #sendCandidate(gen, candidate) {
    if (candidate?.candidate === "") return;
    const { candidate: line = null, sdpMid = null, sdpMLineIndex = null } = candidate ?? {};
    this.#signaling.send({ t: "candidate", to: this.#identity, pc: PC, gen, candidate: line, sdpMid, sdpMLineIndex });
  }

  /** A relay that refuses us, or does not answer, is why there is no connection, if there is none. */
  #noteRelay({ url, errorCode }, policy) {
    if (!url?.startsWith("turn")) return;
    this.#relayTrouble = errorCode === UNAUTHORIZED ? "turn_refused" : "turn_unreachable";
    // Where there is no other way, nobody need wait for the deadline.
    if (policy === "relay" && this.#relayTrouble === "turn_refused") this.#lose(this.#relayTrouble, REJECTED_PAUSE_MS);
  }

  #follow(peer, state) {
    if (peer !== this.#peer) return;
    switch (state) {
      case "connected":
        clearTimeout(this.#timer);
        this.#losing = false;
        this.#everConnected = true;
        this.#relayTrouble = null;
        this.#connectedAt = Date.now();
        this.#emitState(Link.CONNECTED);
        break;
      case "disconnected":
        this.#after(DISCONNECTED_PATIENCE_MS, () => this.#lose("disconnected"));
        break;
      case "closed":
        this.#lose("disconnected");
        break;
      case "failed":
        this.#lose("ice");
        break;
      default:
    }
  }

  #lose(reason, pauseMs = 0) {
    if (!this.#identity || this.#losing) return;
    this.#losing = true;
    const proven = this.#connectedAt > 0 && Date.now() - this.#connectedAt > PROVEN_MS;
    if (proven) this.#attempt = 0;
    this.#connectedAt = 0;
    if (this.#attempt >= CONNECT_DEADLINES_MS.length) {
      this.#drop();
      this.#emitState(Link.FAILED, this.#relayTrouble ?? reason);
      return;
    }
    this.#attempt += 1;
    this.#after(pauseMs, () => this.#rebuild(reason));
  }

  #rebuild(reason) {
    if (!this.#identity) return;
    // Where nothing was ever offered there is nothing to forget.
    const gen = Math.max(this.#gen, 0);
    this.#signaling.send({ t: "pc_rebuild", to: this.#identity, pc: PC, gen, reason: String(reason).slice(0, 200) });
    this.#build();
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#losing = false;
    this.#waitsForRoom = false;
    const peer = this.#peer;
    this.#peer = null;
    this.#early = [];
    if (!peer) return;
    peer.onicecandidate = peer.onicecandidateerror = peer.onconnectionstatechange = peer.ontrack = null;
    peer.close();
  }

  #after(delayMs, action) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, delayMs);
  }

  #emitState(state, reason = null) {
    this.#state = state;
    this.#emit("state", { state, attempt: this.#attempt, reason });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
