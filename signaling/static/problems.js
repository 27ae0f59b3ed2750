/** What is wrong on the page, derived from what it knows; and, for a moment, that it is over. Pure. */

import { Link } from "./links.js";
import { linkOf, Moderation, Phase, phaseOf, Socket } from "./page.js";
import { agentOf, companionsOf, nameOf, standingOf, unheardOf } from "./people.js";

const MODERATED = Object.freeze({ [Moderation.MUTED]: "muted_by_moderator", [Moderation.ASKED]: "asked_to_unmute" });
const BACK = Object.freeze({ room: "back_room", sound: "back_sound" });

const isTalking = (page) => Object.values(page.links).some(({ state }) => state === Link.CONNECTED);

/** What is wrong, as [{slot, code, detail}]; at most one for each slot. */
export function problemsOf(page) {
  const found = [
    { slot: "connection", ...connectionProblem(page) },
    { slot: "agent", ...agentProblem(page) },
    { slot: "people", ...peopleProblem(page) },
    { slot: "moderation", ...(MODERATED[page.moderation] && { code: MODERATED[page.moderation] }) },
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
    return { code: isTalking(page) ? "server_lost_talking" : "server_lost" };
  }
  const { state, attempt, reason } = linkOf(page, agentOf(page));
  if (state === Link.FAILED && reason?.startsWith("turn_")) return { code: reason };
  if (state === Link.FAILED) return { code: "call_failed", detail: reason };
  if (state === Link.REBUILDING) return { code: "call_rebuilding", detail: attempt };
  if (state === Link.CONNECTING && attempt > 1) return { code: "call_retrying", detail: attempt };
  return BACK[page.back] ? { code: BACK[page.back] } : null;
}

/** Of the sound between humans; their own trouble with the room is theirs. */
function peopleProblem(page) {
  if (page.refusal) return null;
  const without = companionsOf(page).filter((person) => standingOf(page, person) === "no_sound");
  if (without.length) return { code: "people_without_sound", detail: without.map(nameOf) };
  const unheard = unheardOf(page);
  return unheard.length ? { code: "mesh_full", detail: unheard.map(nameOf) } : null;
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
