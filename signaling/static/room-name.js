/** Names for rooms: a friendly one when none was chosen, and the form that the server takes. */

const MOODS = ["amber", "brisk", "calm", "clear", "cosy", "early", "gentle", "golden", "mellow", "misty", "quiet", "sunny"];
const PLACES = ["bay", "brook", "cove", "garden", "glade", "grove", "harbor", "hill", "lake", "meadow", "orchard", "river"];
const ROOM = /^[A-Za-z0-9._:@-]{1,128}$/;

/** Such as "quiet-harbor-472". */
export function friendlyRoomName() {
  const [mood, place, number] = crypto.getRandomValues(new Uint32Array(3));
  return `${MOODS[mood % MOODS.length]}-${PLACES[place % PLACES.length]}-${100 + (number % 900)}`;
}

/** What was typed, with dashes for spaces; null when the server would not take it. */
export function roomName(typed) {
  const name = typed.trim().replace(/\s+/g, "-");
  return ROOM.test(name) ? name : null;
}
