/** The sound connection to one other member of the room: its states, and which of two crossing offers holds. Pure. */

/** As `call.js` reports it. */
export const Link = Object.freeze({
  NONE: "none",
  CONNECTING: "connecting",
  CONNECTED: "connected",
  REBUILDING: "rebuilding",
  FAILED: "failed",
});

/**
 * Whether an offer of the other one is taken, in place of what there is.
 *
 * The higher generation holds. Of two offers of the same one that cross, the polite side gives way (W3C WebRTC,
 * "perfect negotiation").
 *
 * @param ours {gen, offering, polite}: our generation, whether our own offer of it waits for an answer, and our manners.
 * @param gen of the offer.
 */
export function takesOffer({ gen: known, offering, polite }, gen) {
  return gen === known ? offering && polite : gen > known;
}
