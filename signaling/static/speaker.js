/**
 * Where the others are heard: an <audio> element for each (browsers decode a remote stream only when one plays it).
 *
 * Event: "blocked" {blocked} when the browser wants a click before sound, and when it had it.
 */

export class Speaker extends EventTarget {
  #container;
  #elements = new Map();
  #blocked = false;

  /** @param container where the elements stand. */
  constructor(container) {
    super();
    this.#container = container;
  }

  /** Plays the voice of somebody, in place of what was played of them; null stops. */
  async play(identity, stream) {
    if (!stream) {
      this.#silence(identity);
      return;
    }
    const element = this.#elements.get(identity) ?? this.#add(identity);
    element.srcObject = stream;
    await this.unlock();
  }

  /** Tries (again) to be heard; called from a click when it was blocked. */
  async unlock() {
    const refused = await Promise.all(Array.from(this.#elements.values(), isRefused));
    this.#tell(refused.includes(true));
  }

  #add(identity) {
    const element = document.createElement("audio");
    element.autoplay = true;
    element.dataset.identity = identity;
    this.#elements.set(identity, element);
    this.#container.append(element);
    return element;
  }

  #silence(identity) {
    const element = this.#elements.get(identity);
    if (!element) return;
    this.#elements.delete(identity);
    element.srcObject = null;
    element.remove();
    if (this.#elements.size === 0) this.#tell(false);
  }

  #tell(blocked) {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.dispatchEvent(new CustomEvent("blocked", { detail: { blocked } }));
  }
}

/** Plays, and tells whether the browser does not want to without a click. */
async function isRefused(element) {
  try {
    await element.play();
    return false;
  } catch (error) {
    // AbortError: another stream was put in meanwhile, and its own play() tells.
    return error.name === "NotAllowedError";
  }
}
