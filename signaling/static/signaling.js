/**
 * The WebSocket to the room (`/v1/rtc`, sub-protocol voice.v1): joins, stays, comes back, and hands on what arrives.
 *
 * One loop owns the connection (`run`): one visit after another, with a pause between, until we leave or the server
 * refuses for good. What an ending means is decided by `verdictOf`, a pure function.
 *
 * Events: "opening" {}, "joined" {joined message}, "message" {any other message}, "lost" {code, failures, retryAt},
 * "refused" {code, message}.
 */

const SUBPROTOCOL = "voice.v1";
const JOIN_DEADLINE_MS = 10_000;
const REQUEST_DEADLINE_MS = 10_000;
const PROBE_DEADLINE_MS = 3000;
const BACKOFF_MS = [300, 1000, 2000, 3000, 5000];
const DEFAULT_PING = { interval_ms: 5000, timeout_ms: 15_000 };

const CODE_OF_CLOSE = Object.freeze({
  4400: "bad_request",
  4401: "unauthorized",
  4403: "forbidden",
  4408: "heartbeat_timeout",
  4409: "duplicate_identity",
  4410: "room_closed",
  4411: "removed",
  4413: "too_large",
  4429: "rate_limited",
  4500: "internal",
  4503: "no_capacity",
  4508: "slow_consumer",
  4512: "server_draining",
});

const FINAL = new Set([
  "bad_request",
  "duplicate_identity",
  "forbidden",
  "no_tokens",
  "removed",
  "room_closed",
  "room_full",
  "too_large",
  "unsupported_version",
]);
const NEEDS_TOKEN = new Set(["unauthorized", "token_expired"]);
const FORGETS_SESSION = new Set(["server_draining", "gone", "not_found"]);

/**
 * What to do after a visit ended.
 *
 * @param ending {code, closeCode, message, action, retryAfterMs}; `code` as told by the server, if it told one.
 * @param failures endings in a row without having been let in.
 * @param renewable whether a new token can be had.
 * @returns {{final: true, code, message} | {final: false, code, delayMs, resume}}
 */
export function verdictOf(ending, failures, renewable) {
  const code = ending.code ?? CODE_OF_CLOSE[ending.closeCode] ?? "server_away";
  const exhausted = NEEDS_TOKEN.has(code) && (!renewable || failures > 1);
  const invited = ending.action === "resume" || ending.action === "rejoin";
  if ((FINAL.has(code) && !invited) || exhausted || ending.action === "none") return { final: true, code, message: ending.message ?? null };
  const delayMs = ending.retryAfterMs ?? BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)];
  return { final: false, code, delayMs, resume: ending.action !== "rejoin" && !FORGETS_SESSION.has(code) };
}

/** The server answered a request with an error, or did not answer ("offline", "request_timeout"). */
export class RequestError extends Error {
  constructor(code, message) {
    super(message ?? code);
    this.code = code;
  }
}

export class Signaling extends EventTarget {
  #takeToken;
  #renewable;
  #knownPeers;
  #probe = () => {};
  #socket = null;
  #entered = false;
  #left = false;
  #requests = new Map();
  #lastId = 0;
  #session = null;
  #wake = () => {};

  /**
   * @param takeToken async () => token, asked before each visit.
   * @param renewable () => whether asking again can give a newer token.
   * @param knownPeers () => {identity: gen} of the connections that stand, told with each join.
   */
  constructor({ takeToken, renewable, knownPeers }) {
    super();
    this.#takeToken = takeToken;
    this.#renewable = renewable;
    this.#knownPeers = knownPeers;
  }

  /** Stays in the room until `leave` or a final refusal. */
  async run() {
    let failures = 0;
    while (!this.#left) {
      this.#emit("opening", {});
      const ending = await this.#visit();
      if (this.#left) return;
      failures = ending.entered ? 0 : failures + 1;
      const verdict = verdictOf(ending, failures, this.#renewable());
      if (verdict.final) {
        this.#left = true;
        this.#emit("refused", { code: verdict.code, message: verdict.message });
        return;
      }
      if (!verdict.resume) this.#session = null;
      // Jitter keeps a thousand pages from knocking at a restarted server in the same instant.
      const delayMs = verdict.delayMs * (1 + 0.25 * Math.random());
      this.#emit("lost", { code: verdict.code, failures, retryAt: Date.now() + delayMs });
      await this.#pause(delayMs);
    }
  }

  /** Leaves the room for good. */
  leave(reason = "left") {
    this.#left = true;
    this.send({ t: "leave", reason });
    this.#socket?.close(1000);
    this.#wake();
  }

  /** Ends the pause before the next try; a connection that seems to stand must show that it does. */
  retryNow() {
    this.#wake();
    this.#probe();
  }

  /** Sends without asking for an answer; false when we are not in the room. */
  send(message) {
    if (!this.#entered) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Sends and waits for the answer.
   *
   * @throws {RequestError}
   */
  request(message) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (!this.send({ ...message, id })) return reject(new RequestError("offline"));
      const timer = setTimeout(() => this.#settle(id, { t: "error", code: "request_timeout" }), REQUEST_DEADLINE_MS);
      this.#requests.set(id, { resolve, reject, timer });
      return undefined;
    });
  }

  #settle(id, answer) {
    const request = this.#requests.get(id);
    if (!request) return false;
    this.#requests.delete(id);
    clearTimeout(request.timer);
    if (answer.t === "error") request.reject(new RequestError(answer.code, answer.message));
    else request.resolve(answer);
    return true;
  }

  /** One connection from its token to its end; resolves with how it ended and never rejects. */
  async #visit() {
    let token;
    try {
      token = await this.#takeToken();
    } catch (error) {
      return { entered: false, code: error.code ?? "server_away", message: error.message, retryAfterMs: error.retryAfterMs };
    }
    if (this.#left) return { entered: false };
    return new Promise((resolve) => this.#open(token, resolve));
  }

  #open(token, resolve) {
    const socket = new WebSocket(addressOfRoom(), SUBPROTOCOL);
    let entered = false;
    // Wall time, not monotonic: a laptop that has slept knows at once that the room has given it up.
    let heardAt = Date.now();
    let ping = null;
    let probing = null;
    const end = (facts) => {
      clearTimeout(deadline);
      clearInterval(ping);
      clearTimeout(probing);
      this.#probe = () => {};
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      this.#socket = null;
      this.#entered = false;
      for (const id of [...this.#requests.keys()]) this.#settle(id, { t: "error", code: "offline" });
      resolve({ ...facts, entered });
    };
    const deadline = setTimeout(() => end({ code: "join_timeout" }), JOIN_DEADLINE_MS);
    socket.onopen = () => socket.send(JSON.stringify(this.#joinMessage(token)));
    socket.onclose = (event) => end({ closeCode: event.code, message: event.reason || null });
    socket.onmessage = (event) => {
      heardAt = Date.now();
      const message = parse(event.data);
      if (!message) return;
      if (Number.isInteger(message.seq) && this.#session) this.#session.lastSeq = message.seq;
      if (message.t === "joined") {
        clearTimeout(deadline);
        entered = this.#entered = true;
        this.#probe = () => {
          const asked = Date.now();
          this.send({ t: "ping", ts: asked });
          clearTimeout(probing);
          probing = setTimeout(() => heardAt < asked && end({ code: "heartbeat_timeout" }), PROBE_DEADLINE_MS);
        };
        ping = this.#keepAlive(message.ping ?? DEFAULT_PING, () => heardAt, () => end({ code: "heartbeat_timeout" }));
        this.#session = { sid: message.sid, key: message.key, lastSeq: message.seq ?? 0 };
        this.#emit("joined", message);
      } else if (message.t === "leave" || (message.t === "error" && !entered)) {
        end(farewell(message));
      } else if (!this.#answers(message)) {
        this.#emit("message", message);
      }
    };
    this.#socket = socket;
  }

  #joinMessage(token) {
    const resume = this.#session?.key && { sid: this.#session.sid, key: this.#session.key, last_seq: this.#session.lastSeq };
    const client = { sdk: "page", version: "1", ua: navigator.userAgent.slice(0, 200) };
    const known_peers = this.#knownPeers();
    return { t: "join", id: ++this.#lastId, token, v: 1, client, known_peers, ...(resume && { resume }) };
  }

  #answers(message) {
    return (message.re !== undefined && this.#settle(message.re, message)) || message.t === "pong" || message.t === "ok";
  }

  #keepAlive({ interval_ms: intervalMs, timeout_ms: timeoutMs }, heardAt, onSilence) {
    return setInterval(() => {
      if (Date.now() - heardAt() > timeoutMs) onSilence();
      else this.send({ t: "ping", ts: Date.now() });
    }, intervalMs);
  }

  #pause(delayMs) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function addressOfRoom() {
  const url = new URL("v1/rtc", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = url.search = "";
  return url;
}

function parse(text) {
  try {
    const message = JSON.parse(text);
    return typeof message?.t === "string" ? message : null;
  } catch {
    return null;
  }
}

/** What the server's last words say about the end that follows them. */
function farewell(message) {
  const facts = { code: message.code ?? message.reason, message: message.message ?? null, action: message.action };
  if (message.retry_after_ms !== undefined) facts.retryAfterMs = message.retry_after_ms;
  return facts;
}
