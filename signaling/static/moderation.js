/** Does to others what only those may who rule the room: the server judges, and answers. */

import { RequestError } from "./signaling.js";

/**
 * @param signaling a `Signaling`, or null.
 * @param wish {op: "mute" or "remove", identity, muted}; `muted` false asks somebody to speak.
 * @returns why it was not done, or null.
 */
export async function moderate(signaling, { op, identity, muted }) {
  if (!signaling) return "offline";
  try {
    await signaling.request({ t: "moderate", op, identity, ...(op === "mute" && { muted }) });
    return null;
  } catch (error) {
    if (error instanceof RequestError) return error.message;
    throw error;
  }
}
