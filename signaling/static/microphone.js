/**
 * The person's microphone: asked for, chosen, muted, replaced.
 *
 * Events: "gone" when the device vanished, "devices" when the list of devices changed.
 */

const RAW = Object.freeze({ echoCancellation: false, noiseSuppression: false, autoGainControl: false });
const CLEANED = Object.freeze({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });

/** The microphone could not be had; `code` is one of the problems of words.js. */
export class MicrophoneError extends Error {
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}

export class Microphone extends EventTarget {
  #processing;
  #stream = null;
  #muted = false;
  #turn = 0;

  /** @param raw true turns off what browsers do to a voice; for tests with tones. */
  constructor({ raw }) {
    super();
    this.#processing = raw ? RAW : CLEANED;
    navigator.mediaDevices?.addEventListener("devicechange", () => this.dispatchEvent(new Event("devices")));
  }

  get stream() {
    return this.#stream;
  }

  get track() {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  /** The device in use, or the empty string. */
  get deviceId() {
    return this.track?.getSettings().deviceId ?? "";
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    if (this.track) this.track.enabled = !muted;
  }

  /**
   * Opens the device, or any other one when it is away.
   *
   * @throws {MicrophoneError} with "superseded" when another `open` or a `close` came while the browser was asking.
   */
  async open(deviceId) {
    if (!navigator.mediaDevices) throw new MicrophoneError("microphone_insecure");
    // Some systems give a device to one stream only, so the old stream goes first.
    this.close();
    const turn = this.#turn;
    let stream;
    try {
      stream = await this.#ask(deviceId);
    } catch (error) {
      throw new MicrophoneError(turn === this.#turn ? codeOf(error) : "superseded", error);
    }
    if (turn !== this.#turn) {
      stop(stream);
      throw new MicrophoneError("superseded");
    }
    this.#stream = stream;
    this.muted = this.#muted;
    this.track.addEventListener("ended", () => this.#vanished(stream));
  }

  close() {
    this.#turn += 1;
    if (this.#stream) stop(this.#stream);
    this.#stream = null;
  }

  /** The microphones with names, [{deviceId, label}]; empty until the browser lets us see them. */
  async devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return all.filter(({ kind, deviceId, label }) => kind === "audioinput" && deviceId && label);
  }

  async #ask(deviceId) {
    const audio = { ...this.#processing, channelCount: 1 };
    if (deviceId) {
      try {
        // "ideal" would be a wish that Chromium does not grant.
        return await navigator.mediaDevices.getUserMedia({ audio: { ...audio, deviceId: { exact: deviceId } } });
      } catch (error) {
        if (error.name !== "OverconstrainedError" && error.name !== "NotFoundError") throw error;
      }
    }
    return navigator.mediaDevices.getUserMedia({ audio });
  }

  #vanished(stream) {
    if (stream !== this.#stream) return;
    this.#stream = null;
    this.dispatchEvent(new Event("gone"));
  }
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** Names of DOMExceptions: W3C Media Capture and Streams, getUserMedia(). */
function codeOf(error) {
  switch (error.name) {
    case "NotAllowedError":
      return /system/i.test(error.message) ? "microphone_refused_by_system" : "microphone_refused";
    case "SecurityError":
      return "microphone_refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "microphone_missing";
    case "NotReadableError":
    case "AbortError":
      return "microphone_busy";
    default:
      return "microphone_failed";
  }
}
