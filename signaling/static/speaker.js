/**
 * Where the agent is heard: an <audio> element (browsers decode a remote stream only when one plays it).
 *
 * Event: "blocked" {blocked} when the browser wants a click before sound, and when it had it.
 */

export class Speaker extends EventTarget {
  #element;
  #blocked = false;

  constructor(element) {
    super();
    this.#element = element;
  }

  /** Plays the stream; null stops. */
  async play(stream) {
    this.#element.srcObject = stream;
    if (stream) await this.unlock();
    else this.#tell(false);
  }

  /** Tries (again) to be heard; called from a click when it was blocked. */
  async unlock() {
    if (!this.#element.srcObject) return;
    try {
      await this.#element.play();
      this.#tell(false);
    } catch (error) {
      // AbortError: another stream was put in meanwhile, and its own play() tells.
      if (error.name === "NotAllowedError") this.#tell(true);
    }
  }

  #tell(blocked) {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.dispatchEvent(new CustomEvent("blocked", { detail: { blocked } }));
  }
}
