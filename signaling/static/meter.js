/** How loud a stream is, alone or shown as a bar: a sound's root mean square on a scale of decibels. */

const SAMPLES = 1024;
const FLOOR_DB = -60;
const FULL_DB = -9;
/** Rises at once and falls slowly, as the eye expects of a meter. */
const FALL_PER_SECOND = 2.4;
const SPOKEN_EACH_MS = 500;

/** Listens to one stream. */
export class Loudness {
  #analyser = null;
  #source = null;
  #samples = new Float32Array(SAMPLES);
  #level = 0;
  #sampledAt = 0;

  /** From 0 (silence) to 1 (loud), as of the last `sample`. */
  get level() {
    return this.#level;
  }

  /** Listens to a stream instead of what it listened to; null listens to nothing. */
  listen(context, stream) {
    this.#source?.disconnect();
    this.#source = this.#analyser = null;
    if (!stream?.getAudioTracks().length) return;
    this.#analyser = new AnalyserNode(context, { fftSize: SAMPLES });
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    this.#source.connect(this.#analyser);
  }

  /** Measures; called once per animation frame. */
  sample(now) {
    const elapsed = Math.min(0.1, (now - this.#sampledAt) / 1000);
    this.#sampledAt = now;
    this.#level = Math.max(this.#measure(), this.#level - FALL_PER_SECOND * elapsed, 0);
  }

  #measure() {
    if (!this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let energy = 0;
    for (const sample of this.#samples) energy += sample * sample;
    const decibels = 10 * Math.log10(energy / SAMPLES + 1e-12);
    return Math.min(1, Math.max(0, (decibels - FLOOR_DB) / (FULL_DB - FLOOR_DB)));
  }
}

/** Shows a level. */
export class Meter {
  #element;
  #shown = 0;
  #spokenAt = 0;

  /** @param element one with role="meter" and a child that is filled. */
  constructor(element) {
    this.#element = element;
  }

  /** Shows this level, 0 to 1; called once per animation frame. */
  show(now, level) {
    if (level === this.#shown) return;
    this.#shown = level;
    this.#element.style.setProperty("--level", level.toFixed(3));
    if (now - this.#spokenAt < SPOKEN_EACH_MS && level > 0) return;
    this.#spokenAt = now;
    this.#element.setAttribute("aria-valuenow", String(Math.round(100 * level)));
  }
}
