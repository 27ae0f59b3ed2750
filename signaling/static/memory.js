/**
 * What the page remembers: preferences for good (localStorage), who we are for as long as the tab lives (sessionStorage).
 *
 * A browser that forbids storage gives a page that forgets, not one that breaks.
 */

function reading(storage, key) {
  try {
    return globalThis[storage].getItem(`voice.${key}`);
  } catch {
    return null;
  }
}

function writing(storage, key, value) {
  try {
    globalThis[storage].setItem(`voice.${key}`, value);
  } catch {
    // Storage is full or forbidden: the preference lasts until the page is closed.
  }
}

/** A preference ("name", "microphone"), or the empty string. */
export const preference = (key) => reading("localStorage", key) ?? "";
export const prefer = (key, value) => writing("localStorage", key, value);

let fallbackIdentity = null;
let fallbackGeneration = 0;

/** Who we are in this tab: a reload comes back as the same person, another tab is another one. */
export function identity() {
  const known = reading("sessionStorage", "identity") ?? fallbackIdentity;
  if (known) return known;
  fallbackIdentity = `guest-${randomId().slice(0, 12)}`;
  writing("sessionStorage", "identity", fallbackIdentity);
  return fallbackIdentity;
}

/**
 * The next generation of a peer connection, higher than `above`. It outlives a reload, because others drop what is older
 * than what they have already seen of this identity.
 */
export function nextGeneration(above) {
  fallbackGeneration = Math.max(fallbackGeneration, above, Number(reading("sessionStorage", "gen")) || 0) + 1;
  writing("sessionStorage", "gen", String(fallbackGeneration));
  return fallbackGeneration;
}

/** 32 hexadecimal digits. (crypto.randomUUID is missing on pages without https.) */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
