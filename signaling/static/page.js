/**
 * What the page knows, and what follows from it. Pure: an event and the page before in, the page after out.
 *
 * Nothing here waits, draws or sends. The phase, the agent's state and the list of problems are derived from the
 * facts each time, so they cannot contradict one another.
 */

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

/** The sound connection to the agent, as `call.js` reports it. */
export const Link = Object.freeze({
  NONE: "none",
  CONNECTING: "connecting",
  CONNECTED: "connected",
  REBUILDING: "rebuilding",
  FAILED: "failed",
});

/** Nobody has joined anything. `microphone` is "unasked", "asking", "on", "off" or the code of a problem. */
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
  link: Link.NONE,
  attempt: 0,
  linkReason: null,
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
  refused: (_page, { code, message }) => ({ socket: Socket.CLOSED, refusal: { code, message }, link: Link.NONE }),
  joined: (page, event) => ({
    entered: true,
    socket: Socket.OPEN,
    lostBecause: null,
    failures: 0,
    retryAt: null,
    room: event.room,
    me: event.me,
    // A session that was resumed goes on from what was known, unless the room is told anew.
    people: event.participants ? peopleAfterJoining(page, event.participants) : page.people,
  }),
  participant: (page, { op, participant }) => ({
    people: op === "left" ? without(page.people, participant.identity) : withPerson(page.people, participant),
    ...(participant.kind === "agent" && { overdue: false }),
    // A dispatch is over once its agent stands in the room, so it must not explain a later absence.
    ...(participant.kind === "agent" && op === "joined" && { dispatch: null }),
    ...(participant.kind === "agent" && op === "left" && !page.dispatch && { dispatch: { op: "ended", reason: null } }),
  }),
  dispatch: (_page, { op, reason }) => ({ dispatch: { op, reason: reason ?? null }, overdue: false }),
  overdue: () => ({ overdue: true }),
  link: (page, { state, attempt = 0, reason = null }) => ({
    link: state,
    attempt,
    linkReason: reason,
    ...(state !== Link.CONNECTED && { people: presentOf(page.people) }),
  }),
  microphone: (_page, { state }) => ({ microphone: state }),
  muted: (_page, { muted }) => ({ muted }),
  sound: (_page, { blocked }) => ({ soundBlocked: blocked }),
};

const withPerson = (people, person) => Object.freeze({ ...people, [person.identity]: Object.freeze({ ...person }) });

function without(people, identity) {
  const { [identity]: _gone, ...rest } = people;
  return Object.freeze(rest);
}

function peopleAfterJoining(page, participants) {
  const people = Object.freeze(Object.fromEntries(participants.map((person) => [person.identity, person])));
  const before = agentOf(page);
  const present = Object.values(people).some((person) => person.kind === "agent");
  // A server that was restarted forgets the agent until it registers again, while its voice goes on: keep the call.
  return before && !present && page.link === Link.CONNECTED ? withPerson(people, { ...before, absent: true }) : people;
}

const presentOf = (people) => Object.freeze(Object.fromEntries(Object.entries(people).filter(([, { absent }]) => !absent)));

/** The agent we talk to (the one that came first), or null. */
export function agentOf(page) {
  return Object.values(page.people).find((person) => person.kind === "agent") ?? null;
}

/** The other humans in the room. */
export function companionsOf(page) {
  return Object.values(page.people).filter((person) => person.kind !== "agent" && person.identity !== page.me?.identity);
}

/** Whether there is somebody to type to. */
export function canType(page) {
  return page.socket === Socket.OPEN && agentOf(page) !== null;
}

export function phaseOf(page) {
  if (page.refusal) return Phase.FAILED;
  if (!page.wanted) return Phase.IDLE;
  if (page.socket !== Socket.OPEN) return page.lostBecause ? Phase.RECONNECTING : Phase.JOINING;
  if (!agentOf(page)) return Phase.WAITING;
  switch (page.link) {
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

/** What is wrong, as [{slot, code, detail}]; at most one for each of: connection, agent, microphone, sound. */
export function problemsOf(page) {
  const found = [
    { slot: "connection", ...connectionProblem(page) },
    { slot: "agent", ...agentProblem(page) },
    { slot: "microphone", ...microphoneProblem(page) },
    { slot: "sound", ...(page.soundBlocked && { code: "sound_blocked" }) },
  ];
  return found.filter((problem) => problem.code);
}

function connectionProblem(page) {
  if (page.refusal) return { code: page.refusal.code, detail: page.refusal.message };
  if (page.socket !== Socket.OPEN) {
    // The first try after a loss comes at once and mostly succeeds: not worth a word.
    if (!page.lostBecause || (page.entered && page.failures === 0)) return null;
    if (page.lostBecause === "no_capacity" || page.lostBecause === "rate_limited") return { code: "server_busy" };
    if (!page.entered) return { code: "server_away" };
    return { code: page.link === Link.CONNECTED ? "server_lost_talking" : "server_lost" };
  }
  if (!agentOf(page)) return null;
  if (page.link === Link.FAILED && page.linkReason?.startsWith("turn_")) return { code: page.linkReason };
  if (page.link === Link.FAILED) return { code: "call_failed", detail: page.linkReason };
  if (page.link === Link.REBUILDING) return { code: "call_rebuilding", detail: page.attempt };
  if (page.link === Link.CONNECTING && page.attempt > 1) return { code: "call_retrying", detail: page.attempt };
  return null;
}

function agentProblem(page) {
  const phase = phaseOf(page);
  if (phase === Phase.CONNECTED) {
    const error = agentOf(page).attributes?.["agent.error"];
    return error ? { code: "agent_error", detail: error } : null;
  }
  if (phase !== Phase.WAITING) return null;
  switch (page.dispatch?.op) {
    case "failed":
      return { code: "dispatch_failed", detail: page.dispatch.reason };
    case "ended":
      return { code: "agent_left", detail: page.dispatch.reason };
    case "pending":
      return page.dispatch.reason || page.overdue ? { code: "no_worker", detail: page.dispatch.reason } : null;
    default:
      return page.overdue ? { code: page.dispatch ? "agent_slow" : "nobody_called" } : null;
  }
}

function microphoneProblem(page) {
  return page.microphone.startsWith("microphone_") ? { code: page.microphone } : null;
}
