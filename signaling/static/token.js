/**
 * Where the right to enter a room comes from: a link (`#token=…`), else the server itself when it runs with --dev; and
 * later the server of its own accord, before the token expires.
 */

const DEADLINE_MS = 10_000;

/** The server would not give a token. `code` is one of the wire's, "no_tokens", or "server_away". */
export class TokenError extends Error {
  constructor(code, message, retryAfterMs) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A token that came with the address, or null. The fragment never reaches a server or its logs. */
export function invitedToken(hash) {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token");
}

/** The token to enter with: the newest that we were given. */
export class Tokens {
  #invitation;
  #request;
  #pushed = null;
  #taken = null;

  /**
   * @param invitation a token, or null.
   * @param request async () => token of the server, for those without an invitation.
   */
  constructor({ invitation, request }) {
    this.#invitation = invitation;
    this.#request = request;
  }

  /** Whether asking again can give another one. */
  get renewable() {
    return this.#invitation === null || this.#pushed !== null;
  }

  /** @throws {TokenError} */
  async take() {
    this.#taken = this.#pushed ?? this.#invitation ?? (await this.#request());
    return this.#taken;
  }

  /** Whether the one that was taken last lets us rule the room (`grants.admin`). The server is the judge of that. */
  get rules() {
    return grantsOf(this.#taken).admin === true;
  }

  /** The server sent a newer one. */
  push(token) {
    this.#pushed = token;
  }

  /** The one that was taken is not accepted any more. */
  refuse() {
    this.#pushed = null;
  }
}

/** What a token says its bearer may do (RFC 7519, section 3: three parts in base64url, the second are the claims). */
function grantsOf(token) {
  try {
    const claims = String(token).split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(claims)).grants ?? {};
  } catch {
    return {};
  }
}

/**
 * Asks the server for a token: POST /v1/token, answered only with --dev.
 *
 * @throws {TokenError}
 */
export async function requestToken({ room, identity, name }) {
  let response;
  try {
    response = await fetch(new URL("v1/token", document.baseURI), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room, identity, ...(name && { name }) }),
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch {
    throw new TokenError("server_away", "no answer");
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok && typeof body.token === "string") return body.token;
  throw tokenError(response, body);
}

function tokenError(response, body) {
  const message = body.detail ?? body.message ?? body.title ?? response.statusText;
  if (response.status === 404 || response.status === 405) return new TokenError("no_tokens", message);
  if (response.status === 429) {
    return new TokenError("rate_limited", message, 1000 * (Number(response.headers.get("retry-after")) || 2));
  }
  if (response.status >= 500) return new TokenError("server_away", message);
  return new TokenError(body.code ?? "refused", message);
}
