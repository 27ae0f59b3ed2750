/**
 * Every text that the page composes by itself: states, problems with what to do about them, marks in the log.
 *
 * A problem is {tone, title, text, actions}; `text` may be a function of the problem's detail, and has code between
 * backticks. `tone` "alert" interrupts a screen reader, "calm" does not. `actions` name what app.js can do, with the words on the button.
 */

const TRY_AGAIN = { name: "retry", label: "Try again" };
const TRY_NOW = { name: "retry_now", label: "Try now" };
const STOP = { name: "leave", label: "Stop trying" };
const BACK = { name: "leave", label: "Back" };
const USE_MICROPHONE = { name: "microphone", label: "Try the microphone again" };

const UNMUTE = { name: "unmute", label: "Unmute" };
const STAY_MUTED = { name: "stay_muted", label: "Stay muted" };

/** "Ada, Bob and somebody". */
function listed(names) {
  const known = names.map((name) => name || "somebody");
  return known.length < 2 ? known.join("") : `${known.slice(0, -1).join(", ")} and ${known.at(-1)}`;
}

const saying = (detail) => (detail ? ` The server says: ${detail}` : "");

export const PROBLEMS = Object.freeze({
  server_away: {
    tone: "alert",
    title: "The server does not answer",
    text: "It may be starting, or your network is down. This page keeps trying by itself.",
    actions: [TRY_NOW, STOP],
  },
  server_busy: {
    tone: "calm",
    title: "The server is busy",
    text: "It has asked us to come back in a moment. This page does so by itself.",
    actions: [TRY_NOW, STOP],
  },
  server_lost: {
    tone: "alert",
    title: "The server is away",
    text: "The connection to the room was lost. This page keeps trying by itself.",
    actions: [TRY_NOW],
  },
  server_lost_talking: {
    tone: "calm",
    title: "The server is away, the conversation is not",
    text: "You can go on talking: sound does not pass through the server. What is said is not written down until it is back.",
    actions: [TRY_NOW],
  },
  call_retrying: {
    tone: "calm",
    title: "The sound does not get through yet",
    text: (attempt) => `Trying another way (${attempt} of 3).`,
    actions: [],
  },
  call_rebuilding: {
    tone: "calm",
    title: "The sound was interrupted",
    text: (attempt) => `Restoring it (try ${attempt} of 3). The agent remembers the conversation.`,
    actions: [],
  },
  back_room: {
    tone: "calm",
    title: "You are back in the room",
    text: "The server answers again. The conversation goes on.",
    actions: [],
  },
  back_sound: {
    tone: "calm",
    title: "The sound is back",
    text: "Go on where you were.",
    actions: [],
  },
  people_without_sound: {
    tone: "alert",
    title: "Some of you do not hear each other",
    text: (names) =>
      `No way was found for the sound between you and ${listed(names)}. What is said still stands in the conversation. ` +
      "A VPN, a firewall or a strict network is the usual cause.",
    actions: [TRY_AGAIN],
  },
  mesh_full: {
    tone: "calm",
    title: "More people are here than can hear each other",
    text: (names) =>
      `Up to six people hear each other in one room. You and ${listed(names)} do not, until somebody leaves; ` +
      "the agent hears you, and what is typed reaches everybody.",
    actions: [],
  },
  muted_by_moderator: {
    tone: "calm",
    title: "You were muted",
    text: "Somebody who runs this room turned your microphone off. Unmute when you want to speak.",
    actions: [UNMUTE, STAY_MUTED],
  },
  asked_to_unmute: {
    tone: "calm",
    title: "You are asked to speak",
    text: "Somebody who runs this room would like to hear you.",
    actions: [UNMUTE, STAY_MUTED],
  },
  call_failed: {
    tone: "alert",
    title: "The sound connection failed",
    text: (reason) =>
      `${CALL_FAILURES[reason] ?? reason ?? CALL_FAILURES.failed} You can still type. ` +
      "A VPN, a firewall or a strict network is the usual cause: try another network, or ask for a TURN server.",
    actions: [TRY_AGAIN],
  },
  turn_refused: {
    tone: "alert",
    title: "The relay refused us",
    text: () =>
      "The TURN server did not take this server's credentials. You can still type. If this is your server, set " +
      "`AGENT_WORKER_TURN_SECRET` to the relay's `static-auth-secret`, and compare the clocks of both machines.",
    actions: [TRY_AGAIN],
  },
  turn_unreachable: {
    tone: "alert",
    title: "The relay does not answer",
    text: () =>
      "No other way for the sound was found, and the TURN server could not be reached from here. You can still type. " +
      "Try another network; if this is your server, check that the relay runs and that its ports are open.",
    actions: [TRY_AGAIN],
  },
  no_worker: {
    tone: "calm",
    title: "No agent is free yet",
    text: (reason) =>
      "The server is looking for a worker, and an agent will join by itself as soon as there is one. If this is your " +
      `server, start one: \`python -m agent_worker start examples/assistant.py\`.${saying(reason)}`,
    actions: [],
  },
  agent_slow: {
    tone: "calm",
    title: "The agent is on its way",
    text: "It takes longer than usual to start. Nothing is lost; it will join by itself.",
    actions: [],
  },
  nobody_called: {
    tone: "calm",
    title: "No agent was called into this room",
    text: "This server does not send agents by itself. Somebody has to dispatch one to this room; it will join here when they do.",
    actions: [],
  },
  dispatch_failed: {
    tone: "alert",
    title: "No agent could come",
    text: (reason) => `The server gave up looking for one. Check that a worker is running, then try again.${saying(reason)}`,
    actions: [TRY_AGAIN],
  },
  agent_left: {
    tone: "calm",
    title: "The agent has left",
    text: "The conversation is over for it. Join again to call it back.",
    actions: [{ name: "retry", label: "Join again" }],
  },
  agent_error: {
    tone: "alert",
    title: "The agent has a problem",
    text: (message) => `${message} If that does not pass, leave and join again.`,
    actions: [],
  },
  microphone_asking: {
    tone: "calm",
    title: "Your browser asks for the microphone",
    text: "Allow it in the small window near the address bar. You can also go on without one, and type.",
    actions: [{ name: "without_microphone", label: "Continue without" }],
  },
  microphone_refused: {
    tone: "alert",
    title: "The microphone is not allowed",
    text: "Allow it with the icon in the address bar, then try again. Until then you can type, and hear the agent.",
    actions: [USE_MICROPHONE],
  },
  microphone_refused_by_system: {
    tone: "alert",
    title: "The system keeps the microphone from the browser",
    text: "Allow it in your system's privacy settings, then try again. Until then you can type, and hear the agent.",
    actions: [USE_MICROPHONE],
  },
  microphone_missing: {
    tone: "alert",
    title: "No microphone was found",
    text: "Plug one in, then try again. Until then you can type, and hear the agent.",
    actions: [USE_MICROPHONE],
  },
  microphone_busy: {
    tone: "alert",
    title: "The microphone is busy",
    text: "Another program holds it. Close that program or choose another microphone. Until then you can type.",
    actions: [USE_MICROPHONE],
  },
  microphone_gone: {
    tone: "alert",
    title: "The microphone was unplugged",
    text: "Plug it in again or choose another one. Until then you can type.",
    actions: [USE_MICROPHONE],
  },
  microphone_insecure: {
    tone: "alert",
    title: "The browser gives no microphone to this address",
    text: "It needs https, or http on localhost. Until then you can type, and hear the agent.",
    actions: [],
  },
  microphone_failed: {
    tone: "alert",
    title: "The microphone could not be opened",
    text: "Try again, or choose another one. Until then you can type.",
    actions: [USE_MICROPHONE],
  },
  sound_blocked: {
    tone: "alert",
    title: "Your browser keeps this page silent",
    text: "It wants a click first.",
    actions: [{ name: "sound", label: "Enable sound" }],
  },
  duplicate_identity: {
    tone: "alert",
    title: "You joined from another tab",
    text: "The conversation went on there, so this tab stepped aside.",
    actions: [{ name: "retry", label: "Bring it back here" }, BACK],
  },
  room_full: {
    tone: "alert",
    title: "The room is full",
    text: "Wait until somebody leaves, or choose another room.",
    actions: [TRY_AGAIN, { name: "leave", label: "Choose another room" }],
  },
  token_expired: {
    tone: "alert",
    title: "Your invitation has expired",
    text: "The link that brought you here is too old. Ask for a new one.",
    actions: [BACK],
  },
  unauthorized: {
    tone: "alert",
    title: "The server does not know you",
    text: (message) => `Your token was not accepted. Ask for a new link.${saying(message)}`,
    actions: [TRY_AGAIN, BACK],
  },
  no_tokens: {
    tone: "alert",
    title: "You need an invitation",
    text:
      "This server gives tokens to nobody by itself: it does not run with `--dev`, or you are not on its machine. " +
      "Open this page with a link that carries a token (`#token=…`).",
    actions: [BACK],
  },
  forbidden: {
    tone: "alert",
    title: "You may not enter this room",
    text: (message) => `Choose another room, or ask whoever runs this server.${saying(message)}`,
    actions: [BACK],
  },
  room_closed: {
    tone: "calm",
    title: "The room was closed",
    text: "The conversation is over. You can begin a new one.",
    actions: [{ name: "retry", label: "Join again" }, BACK],
  },
  removed: {
    tone: "alert",
    title: "You were removed from the room",
    text: "Somebody who runs this room took you out. To come back, ask them for a new link.",
    actions: [BACK],
  },
  unsupported_version: {
    tone: "alert",
    title: "This page is out of date",
    text: "The server speaks another version. Reload the page.",
    actions: [{ name: "reload", label: "Reload" }],
  },
  refused: {
    tone: "alert",
    title: "The server refused",
    text: (message) => `It gave this reason: ${message ?? "none"}.`,
    actions: [TRY_AGAIN, BACK],
  },
});

const CALL_FAILURES = Object.freeze({
  timeout: "No way was found between you and the agent in time.",
  ice: "Every way between you and the agent failed.",
  disconnected: "The way between you and the agent broke.",
  failed: "The browser and the agent could not agree.",
});

/** What is said of an unknown refusal is what the server said of it. */
export function problemWords({ code, detail }) {
  const words = PROBLEMS[code] ?? PROBLEMS.refused;
  return { ...words, text: typeof words.text === "function" ? words.text(detail) : words.text };
}

/** The big word beneath the shape, and the line beneath the word. */
export const STATES = Object.freeze({
  idle: ["Ready when you are", "Speak, and interrupt it like a person."],
  joining: ["Joining", "One moment."],
  alone: ["No agent here", ""],
  waiting: ["Calling the agent", "It joins in a moment."],
  connecting: ["Connecting", "Opening the sound between you."],
  initializing: ["Waking up", "The agent is getting ready."],
  listening: ["Listening", "Go ahead."],
  thinking: ["Thinking", "The answer is on its way."],
  speaking: ["Speaking", "Interrupt whenever you like."],
  held: ["Paused", "It heard you, and waits."],
  reconnecting: ["Reconnecting", "Hold on."],
  failed: ["Not connected", ""],
});

/** What stands beside a name in the list of who is here. */
export const STANDINGS = Object.freeze({
  here: "",
  speaking: "speaking",
  muted: "muted",
  listening: "listens",
  connecting: "connecting",
  reconnecting: "reconnecting",
  no_sound: "no sound",
  unheard: "too many to hear",
});

/** What those who rule the room can do to somebody: the word on the button, and what is read out. */
export const MODERATION = Object.freeze({
  mute: { word: "Mute", spoken: (name) => `Mute ${name}` },
  ask: { word: "Ask to speak", spoken: (name) => `Ask ${name} to speak` },
  remove: { word: "Remove", spoken: (name) => `Remove ${name} from the room` },
  sure: { word: "Really remove?", spoken: (name) => `Really remove ${name}? Press again` },
});

export const HINT_MUTED = "You are muted.";
export const HINT_TYPE = "Type your message below.";

export const MARKS = Object.freeze({
  held: () => "paused",
  resumed: (seconds) => `paused ${seconds.toFixed(1)} s and went on`,
  interrupted: (_seconds, by) => (by ? `${by} interrupted here` : "interrupted here"),
});

export const NOTES = Object.freeze({
  agent: "Agent",
  you: "You",
  youInASentence: "you",
  somebody: "Somebody",
  typed: "typed",
  writing: "speaking",
  tool: (name) => `Used ${name}`,
  asked: "Asked",
  answered: "Answered",
  notModerated: (name, why) => `Nothing was done to ${name}: ${why}`,
  came: (name) => `${name} joined`,
  went: (name) => `${name} left`,
  companions: (count) => (count === 1 ? "1 other person" : `${count} other people`),
  countdown: (seconds) => (seconds > 0 ? `Next try in ${seconds} s` : "Trying now"),
});

export const LABELS = Object.freeze({
  join: "Join",
  joining: "Joining…",
  mute: "Mute",
  unmute: "Unmute",
  defaultMicrophone: "Default microphone",
  microphone: (index) => `Microphone ${index}`,
  copied: "Copied",
  copyFailed: "Copy the address bar instead",
  badRoom: "Use letters, digits and . _ - @ : (at most 128).",
});
