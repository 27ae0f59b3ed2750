/**
 * All that is heard: the person's microphone and its level, the others' voices and theirs, and a recording if wanted.
 *
 * Events, with the names that `page.js` knows: "microphone" {state}, "muted" {muted}, "sound" {blocked}; and "track"
 * {track} when another microphone (or none) is to be sent, "devices" {devices, chosen} when the choice has changed.
 */

import { prepare as prepareRecording, record } from "./heard.js";
import { prefer, preference } from "./memory.js";
import { Loudness, Meter } from "./meter.js";
import { Microphone } from "./microphone.js";
import { Speaker } from "./speaker.js";

/** Browsers that have been told yes answer faster than this; only a question to the person takes longer. */
const ASKING_PATIENCE_MS = 1200;

export class Sound extends EventTarget {
  #microphone;
  #speaker;
  #mine = new Loudness();
  #voices = new Map();
  #mineMeter;
  #agentMeter;
  #recording;
  #context = null;
  #goWithout = () => {};

  /**
   * @param speaker where the <audio> elements stand; `mine` and `agents` the elements of the two meters.
   * @param raw leaves the microphone's sound as it is; `recording` keeps what is heard (heard.js).
   */
  constructor({ speaker, mine, agents, raw, recording }) {
    super();
    this.#microphone = new Microphone({ raw });
    this.#speaker = new Speaker(speaker);
    this.#mineMeter = new Meter(mine);
    this.#agentMeter = new Meter(agents);
    this.#recording = recording;
    this.#speaker.addEventListener("blocked", ({ detail }) => this.#tell("sound", detail));
    this.#microphone.addEventListener("devices", () => this.#tellDevices());
    this.#microphone.addEventListener("gone", () => this.#became("microphone_gone"));
    // Browsers hold sound back until the first touch of the page.
    for (const type of ["pointerdown", "keydown"]) window.addEventListener(type, () => this.#context?.resume());
  }

  /** The microphone as it is to be sent, or null. */
  get track() {
    return this.#microphone.track;
  }

  /** Does what takes a moment and needs nobody's leave. */
  async prepare() {
    if (this.#recording) await prepareRecording();
    await this.#tellDevices();
  }

  /** Lets the meters run; to be called from a click. */
  wake() {
    this.#context ??= new AudioContext();
    // Not waited for: without a touch of the page this stays pending, and only the meters stand still.
    this.#context.resume();
  }

  /** Plays the voice of somebody; null is silence. */
  hear(identity, stream) {
    this.wake();
    const voice = this.#voices.get(identity) ?? new Loudness();
    voice.listen(this.#context, stream);
    if (stream) this.#voices.set(identity, voice);
    else this.#voices.delete(identity);
    if (this.#recording) record(identity, stream);
    this.#speaker.play(identity, stream);
  }

  /** Plays what the browser kept silent; to be called from a click. */
  unlock() {
    this.wake();
    this.#speaker.unlock();
  }

  /** Resolves when the microphone is there, cannot be had, or is not waited for any longer. */
  openMicrophone(deviceId = preference("microphone")) {
    const without = new Promise((resolve) => {
      this.#goWithout = resolve;
    });
    return Promise.race([this.#open(deviceId), without]);
  }

  /** Stops waiting for the person's leave; should it come later, it is used. */
  goWithoutMicrophone() {
    this.#tell("microphone", { state: "off" });
    this.#goWithout();
  }

  /** Remembers the choice; takes it at once if a microphone is in use, or is `wanted`. */
  chooseMicrophone(deviceId, wanted) {
    prefer("microphone", deviceId);
    if (this.track || wanted) this.openMicrophone(deviceId);
  }

  /** Nobody listens any more, so the browser's sign of it must go out. */
  closeMicrophone() {
    this.#microphone.close();
    this.#became("unasked");
  }

  mute(muted) {
    this.#microphone.muted = muted;
    this.#tell("muted", { muted });
  }

  /**
   * The levels of all, 0 to 1, shown by the meters; once per animation frame.
   *
   * @returns {{mine, voices}} with a Map of the others' by identity.
   */
  measure(now, agent) {
    this.#mine.sample(now);
    for (const voice of this.#voices.values()) voice.sample(now);
    this.#mineMeter.show(now, this.#mine.level);
    this.#agentMeter.show(now, this.#voices.get(agent)?.level ?? 0);
    return { mine: this.#mine.level, voices: new Map(Array.from(this.#voices, ([who, { level }]) => [who, level])) };
  }

  async #open(deviceId) {
    this.#tell("microphone", { state: "asking" });
    const patience = setTimeout(() => this.#tell("microphone", { state: "microphone_asking" }), ASKING_PATIENCE_MS);
    let state = "on";
    try {
      await this.#microphone.open(deviceId);
    } catch (error) {
      state = error.code;
    } finally {
      clearTimeout(patience);
    }
    if (state !== "superseded") this.#became(state);
    await this.#tellDevices();
  }

  #became(state) {
    this.wake();
    this.#mine.listen(this.#context, this.#microphone.stream);
    this.#tell("microphone", { state });
    this.#tell("track", { track: this.track });
  }

  async #tellDevices() {
    const devices = await this.#microphone.devices();
    this.#tell("devices", { devices, chosen: this.#microphone.deviceId || preference("microphone") });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
