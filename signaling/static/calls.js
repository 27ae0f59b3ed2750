/**
 * The sound connections to all with whom there shall be one (`peersOf` of people.js): begins, ends and replaces calls.
 *
 * Events: "state" {identity, state, attempt, reason} with a `Link`, "sound" {identity, stream}; both with NONE and null
 * when a call has ended.
 */

import { Call } from "./call.js";
import { Link } from "./links.js";

export class Calls extends EventTarget {
  #signaling;
  #ice;
  #nextGeneration;
  #microphone;
  #calls = new Map();

  /** @param microphone () => MediaStreamTrack or null; the others are as for `Call`. */
  constructor({ signaling, ice, nextGeneration, microphone }) {
    super();
    this.#signaling = signaling;
    this.#ice = ice;
    this.#nextGeneration = nextGeneration;
    this.#microphone = microphone;
  }

  /** @param peers what `peersOf` says. */
  follow(peers) {
    const wanted = new Map(peers.map((peer) => [peer.identity, peer]));
    for (const [identity, { era }] of this.#calls) {
      if (wanted.get(identity)?.era !== era) this.#end(identity);
    }
    for (const peer of peers) {
      const held = this.#calls.get(peer.identity);
      if (!held) {
        this.#begin(peer);
        continue;
      }
      // Whoever had lost the way to the room could not answer; now they can.
      if (held.away && !peer.away && held.call.state === Link.FAILED) held.call.restart();
      held.away = peer.away;
    }
  }

  /** Takes a message that another member sent to us about a connection. */
  receive(message) {
    this.#calls.get(message.from)?.call.receive(message);
  }

  /** Speaks with another microphone to everybody; null stops speaking. */
  useMicrophone(track) {
    for (const { call } of this.#calls.values()) call.useMicrophone(track);
  }

  roomIsBack() {
    for (const { call } of this.#calls.values()) call.roomIsBack();
  }

  /** Begins again what failed. */
  retry() {
    for (const { call } of this.#calls.values()) if (call.state === Link.FAILED) call.restart();
  }

  /** The generation of each connection that stands, by the other's identity: `known_peers` of the wire. */
  standing() {
    const standing = [...this.#calls].filter(([, { call }]) => call.state === Link.CONNECTED);
    return Object.fromEntries(standing.map(([identity, { call }]) => [identity, call.gen]));
  }

  /** [{identity, statistics}] of every connection. */
  statistics() {
    const asked = [...this.#calls].map(async ([identity, { call }]) => ({ identity, statistics: await call.statistics() }));
    return Promise.all(asked);
  }

  #begin({ identity, era, away, offers, answers, polite }) {
    const call = new Call({
      identity,
      offers,
      answers,
      polite,
      signaling: this.#signaling,
      ice: this.#ice,
      nextGeneration: this.#nextGeneration,
      microphone: this.#microphone(),
    });
    this.#calls.set(identity, { call, era, away });
    call.addEventListener("state", ({ detail }) => this.#emit("state", { identity, ...detail }));
    call.addEventListener("sound", ({ detail }) => this.#emit("sound", { identity, ...detail }));
    call.start();
  }

  #end(identity) {
    this.#calls.get(identity).call.close();
    this.#calls.delete(identity);
    this.#emit("sound", { identity, stream: null });
    this.#emit("state", { identity, state: Link.NONE });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
