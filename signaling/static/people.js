/**
 * Who is in the room, in the order in which they came, and with whom we have a sound connection. Pure.
 *
 * Everybody speaks with every agent, and up to six humans with each other, each pair over a connection of its own.
 * Who came later offers; agents never offer. All pages are told of the same arrivals in the same order, so they agree
 * on who is among the six without a word.
 *
 * A person: the participant of the wire, and `place` (order of arrival), `era` (names the connection that is due: a new
 * one means that an old connection is forgotten), `absent` (only the sound tells that they are there).
 */

import { Link } from "./links.js";

/** Each human's voice goes to each other one: what a browser sends grows with their number. */
export const MAX_MESH = 6;
/** People who came by POST /v1/rooms/{room}/connect: they have a way to the agent and none to us. */
const CALLER = /^caller-/;

const freeze = (people) => Object.freeze(people);

/**
 * The room as `joined` tells it.
 *
 * Whoever is not in it but heard is kept: a server that was restarted knows nobody until they have come back.
 *
 * @returns {{people, arrivals, me}} of a page.
 */
export function peopleOnJoining(page, { me, participants, kept = [] }) {
  // Only a new session is a newcomer; one that goes on stays before those who came since.
  const goesOn = page.me?.sid === me.sid;
  let { arrivals } = page;
  const people = {};
  for (const person of participants) {
    const before = page.people[person.identity];
    const same = before && before.sid === person.sid;
    const place = goesOn && same ? before.place : ++arrivals;
    const era = before && (same || kept.includes(person.identity)) ? before.era : person.sid;
    people[person.identity] = freeze({ ...person, place, era });
  }
  for (const before of Object.values(page.people)) {
    const heard = page.links[before.identity]?.state === Link.CONNECTED;
    if (!people[before.identity] && heard) people[before.identity] = freeze({ ...before, absent: true });
  }
  const myPlace = goesOn ? page.me.place : ++arrivals;
  return { people: freeze(people), arrivals, me: freeze({ ...me, place: myPlace }) };
}

/** Somebody came, changed or went: the same facts of a page. */
export function peopleAfter(page, { op, participant, kept = false }) {
  const { people, arrivals, me } = page;
  const { identity } = participant;
  const before = people[identity];
  if (identity === me?.identity) return { people, arrivals, me: freeze({ ...participant, place: me.place }) };
  if (op === "left") {
    // Of a session before the present one; told again after we were away.
    if (before && !before.absent && before.sid !== participant.sid) return { people, arrivals, me };
    return { people: without(people, identity), arrivals, me };
  }
  const same = before && before.sid === participant.sid;
  const place = same && !before.absent ? before.place : arrivals + 1;
  const era = before && (same || kept) ? before.era : participant.sid;
  const person = freeze({ ...participant, place, era });
  return { people: freeze({ ...people, [identity]: person }), arrivals: Math.max(arrivals, place), me };
}

/** Those whom only their sound kept here are gone with it. */
export function peopleAfterLoss(people, identity) {
  return people[identity]?.absent ? without(people, identity) : people;
}

function without(people, identity) {
  const { [identity]: _gone, ...rest } = people;
  return freeze(rest);
}

/** Everybody else, the first to come first. */
export const inOrder = (page) => Object.values(page.people).sort((one, other) => one.place - other.place);

/** What somebody calls themselves, or the empty string: one without a name is given their identity by the server. */
export const nameOf = ({ name, identity }) => (name === identity ? "" : (name ?? ""));

export const isAgent = (person) => person.kind === "agent";

/** The agents in the room; one that the room knows stands for those that it has forgotten. */
function agentsOf(page) {
  const agents = inOrder(page).filter(isAgent);
  const present = agents.filter(({ absent }) => !absent);
  return present.length ? present : agents;
}

/** The agent we talk to (the one that came first), or null. */
export const agentOf = (page) => agentsOf(page)[0] ?? null;

/** The other humans in the room, the first to come first. */
export const companionsOf = (page) => inOrder(page).filter((person) => !isAgent(person));

const canMesh = ({ kind, identity }) => kind === "human" && !CALLER.test(identity);

/** The humans who hear each other, of whom we may be one: [person]. */
function meshOf(page) {
  const humans = [...companionsOf(page).filter(canMesh), page.me];
  return humans.sort((one, other) => one.place - other.place).slice(0, MAX_MESH);
}

/** The other humans whom we do not hear because there are too many. */
export function unheardOf(page) {
  if (!page.me) return [];
  const mesh = new Set(meshOf(page).map(({ identity }) => identity));
  const alone = !mesh.has(page.me.identity);
  return companionsOf(page).filter((person) => canMesh(person) && (alone || !mesh.has(person.identity)));
}

/**
 * With whom there shall be a connection: [{identity, era, away, offers, polite}].
 *
 * `offers`: we begin. `answers`: they may. `polite`: of two offers that cross, ours gives way.
 */
export function peersOf(page) {
  if (!page.entered || page.refusal) return [];
  const mesh = meshOf(page);
  const meshed = mesh.some(({ identity }) => identity === page.me.identity);
  const humans = meshed ? mesh.filter(({ identity }) => identity !== page.me.identity) : [];
  return [...agentsOf(page), ...humans].map((person) => ({
    identity: person.identity,
    era: person.era,
    away: Boolean(person.absent) || person.state === "reconnecting",
    offers: isAgent(person) || person.place < page.me.place,
    answers: !isAgent(person),
    polite: page.me.identity < person.identity,
  }));
}

/** A person of the room as the list shows them: "connecting", "reconnecting", "no_sound", "muted", "unheard" or "here". */
export function standingOf(page, person) {
  if (person.absent || person.state === "reconnecting") return "reconnecting";
  const link = page.links[person.identity]?.state;
  if (link === Link.REBUILDING) return "reconnecting";
  if (link === Link.FAILED) return "no_sound";
  if (!isAgent(person) && unheardOf(page).some(({ identity }) => identity === person.identity)) return "unheard";
  if (link === Link.CONNECTING) return "connecting";
  return isMuted(person) ? "muted" : "here";
}

/** Whether somebody has a microphone and has turned it off, as far as the room was told. */
export function isMuted({ tracks = [] }) {
  const microphones = tracks.filter(({ source }) => source === "mic");
  return microphones.length > 0 && microphones.every(({ muted }) => muted);
}
