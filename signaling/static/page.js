/**
 * What the page knows, and what follows from it. Pure: an event and the page before in, the page after out.
 *
 * Nothing here waits, draws or sends. The phase, the agent's state and the list of problems are derived from the
 * facts each time, so they cannot contradict one another.
 */

import { Link } from "./links.js";
import { agentOf, isAgent, isMuted, peopleAfter, peopleAfterLoss, peopleOnJoining } from "./people.js";

/** What the whole page is doing; `document.body.dataset.state` shows it. */
export const Phase = Object.freeze({
  IDLE: "idle",
  JOINING: "joining",
  WAITING: "waiting",
  CONNECTING: "connecting",
  CONNECTED: "connected",
  RECONNECTING: "reconnecting",
  FAILED: "failed",
});

/** The WebSocket to the room, as `signaling.js` reports it. */
export const Socket = Object.freeze({ CLOSED: "closed", OPENING: "opening", OPEN: "open", LOST: "lost" });

/** What the room did to our microphone, and we have not answered yet. */
export const Moderation = Object.freeze({ NONE: "none", MUTED: "muted", ASKED: "asked" });

/**
 * Nobody has joined anything. `microphone` is "unasked", "asking", "on", "off" or the code of a problem; `links` are
 * {state, attempt, reason} of the sound connections, by identity; `back` is what was lost and is there again, "room" or
 * "sound", for as long as it is news; `told` is whether the room knows our microphone as muted, null if it knows of none;
 * `rules` is whether we may mute and remove others.
 */
export const EMPTY_PAGE = Object.freeze({
  wanted: false,
  entered: false,
  socket: Socket.CLOSED,
  lostBecause: null,
  failures: 0,
  retryAt: null,
  refusal: null,
  room: null,
  me: null,
  people: Object.freeze({}),
  arrivals: 0,
  links: Object.freeze({}),
  back: null,
  moderation: Moderation.NONE,
  told: null,
  rules: false,
  dispatch: null,
  overdue: false,
  soundBlocked: false,
  muted: false,
  microphone: "unasked",
});

/** The page after `event`. An event of an unknown type changes nothing. */
export function receive(page, event) {
  const change = CHANGES[event.type];
  return change ? Object.freeze({ ...page, ...change(page, event) }) : page;
}

const afterLeaving = (page) => ({ ...EMPTY_PAGE, microphone: page.microphone, muted: page.muted });

const CHANGES = {
  join: (page) => ({ ...afterLeaving(page), wanted: true }),
  leave: afterLeaving,
  opening: () => ({ socket: Socket.OPENING, retryAt: null }),
  lost: (_page, { code, failures, retryAt }) => ({ socket: Socket.LOST, lostBecause: code, failures, retryAt }),
  refused: (_page, { code, message }) => ({ socket: Socket.CLOSED, refusal: { code, message } }),
  joined: (page, event) => ({
    entered: true,
    socket: Socket.OPEN,
    lostBecause: null,
    failures: 0,
    retryAt: null,
    room: event.room,
    rules: event.rules ?? page.rules,
    // A short loss was not worth a word, so its end is not either.
    ...(page.entered && page.failures > 0 && { back: "room" }),
    // A session that was resumed goes on from what was known, unless the room is told anew.
    ...(event.participants ? peopleOnJoining(page, event) : { me: page.me ?? event.me }),
    ...(page.me?.sid === event.me.sid ? moderationBy(page, event.me) : { told: null }),
  }),
  participant: (page, event) => ({
    ...peopleAfter(page, event),
    ...(event.participant.identity === page.me?.identity && moderationBy(page, event.participant)),
    ...(isAgent(event.participant) && dispatchAfter(page, event.op)),
  }),
  dispatch: (_page, { op, reason }) => ({ dispatch: { op, reason: reason ?? null }, overdue: false }),
  overdue: () => ({ overdue: true }),
  link: (page, { identity, state, attempt = 0, reason = null }) => {
    const { [identity]: before, ...others } = page.links;
    const mended = state === Link.CONNECTED && (before?.state === Link.REBUILDING || before?.state === Link.FAILED);
    return {
      links: Object.freeze(state === Link.NONE ? others : { ...others, [identity]: { state, attempt, reason } }),
      ...(state !== Link.CONNECTED && { people: peopleAfterLoss(page.people, identity) }),
      ...(mended && { back: "sound" }),
    };
  },
  settled: () => ({ back: null }),
  microphone: (_page, { state }) => ({ microphone: state }),
  muted: (page, { muted }) => ({ muted, moderation: muted ? page.moderation : Moderation.NONE }),
  told: (_page, { muted }) => ({ told: muted }),
  answered: () => ({ moderation: Moderation.NONE }),
  sound: (_page, { blocked }) => ({ soundBlocked: blocked }),
};

/** A dispatch is over once its agent stands in the room, so it must not explain a later absence. */
function dispatchAfter(page, op) {
  if (op === "joined") return { overdue: false, dispatch: null };
  return { overdue: false, ...(op === "left" && !page.dispatch && { dispatch: { op: "ended", reason: null } }) };
}

/** What the room says of our microphone is somebody else's doing where it differs from what we have told. */
function moderationBy(page, me) {
  const muted = isMuted(me);
  if (page.told === null || muted === page.told) return {};
  if (muted) return { told: muted, moderation: Moderation.MUTED };
  return { told: muted, moderation: page.muted ? Moderation.ASKED : Moderation.NONE };
}

/** How the sound to somebody is: {state, attempt, reason}. */
const NO_LINK = Object.freeze({ state: Link.NONE, attempt: 0, reason: null });
export const linkOf = (page, person) => (person && page.links[person.identity]) ?? NO_LINK;

/** Whether there is somebody to type to. */
export function canType(page) {
  return page.socket === Socket.OPEN && Object.keys(page.people).length > 0;
}

export function phaseOf(page) {
  if (page.refusal) return Phase.FAILED;
  if (!page.wanted) return Phase.IDLE;
  if (page.socket !== Socket.OPEN) return page.lostBecause ? Phase.RECONNECTING : Phase.JOINING;
  if (!agentOf(page)) return Phase.WAITING;
  switch (linkOf(page, agentOf(page)).state) {
    case Link.CONNECTED:
      return Phase.CONNECTED;
    case Link.REBUILDING:
      return Phase.RECONNECTING;
    case Link.FAILED:
      return Phase.FAILED;
    default:
      return Phase.CONNECTING;
  }
}

const SPOKEN_STATES = new Set(["listening", "thinking", "speaking"]);

/** What the agent is doing: idle, connecting, listening, thinking, speaking, held, reconnecting or failed. */
export function agentStateOf(page) {
  const phase = phaseOf(page);
  switch (phase) {
    case Phase.IDLE:
    case Phase.FAILED:
    case Phase.RECONNECTING:
      return phase;
    case Phase.CONNECTED: {
      const attributes = agentOf(page).attributes ?? {};
      if (attributes["agent.held"] === "true") return "held";
      return SPOKEN_STATES.has(attributes["agent.state"]) ? attributes["agent.state"] : "connecting";
    }
    default:
      return "connecting";
  }
}
