/**
 * What an agent counts of itself (its method `agent.statistics`, docs/hearing.md), as the few numbers that tell how it
 * hears and speaks. Pure. What a number should be and is not counts as not known.
 */

const FRAME_SECONDS = 0.02;
/** Below this nothing can be heard, in decibels below full scale. */
export const SILENT_DB = -75;

const number = (value) => (typeof value === "number" ? value : null);
const count = (value) => number(value) ?? 0;
const part = (some, whole) => (whole > 0 ? Math.min(1, Math.max(0, some / whole)) : null);

/**
 * @param told the agent's answer, or null.
 * @param before what this function gave for the answer before, or null.
 * @returns null without an answer, else {hears, voice}. `hears` are {identity, delay, varies, lost, concealed, late, level}
 *   of each human it hears: seconds, parts of one since `before`, and decibels. `voice` is {waiting, level, queued, paused,
 *   cut, starved, skipped, worst, reconnects}: seconds, decibels and counts since the agent came.
 */
export function summariseAgent(told, before) {
  if (typeof told?.room !== "object" || told.room === null) return null;
  const known = new Map(before?.hears.map((each) => [each.identity, each.counted]));
  const humans = Object.entries(told.room.humans ?? {}).filter(([, { voice }]) => voice);
  return {
    hears: humans.map(([identity, human]) => hearing(identity, human, known.get(identity) ?? {})),
    voice: {
      waiting: number(told.playout?.buffered_seconds),
      level: number(told.playout?.level),
      queued: number(told.speeches?.waiting),
      paused: number(told.playout?.holds),
      cut: number(told.playout?.drops),
      starved: number(told.playout?.starvations),
      skipped: number(told.room.voice?.skipped),
      worst: number(told.room.slots?.worst),
      reconnects: number(told.model?.losses),
    },
  };
}

function hearing(identity, { voice, transport }, earlier) {
  const { packets = {} } = voice;
  const keys = ["received", "lost", "concealed", "late"];
  const counted = Object.fromEntries(keys.map((key) => [key, count(packets[key])]));
  const since = Object.fromEntries(keys.map((key) => [key, counted[key] - (earlier[key] ?? 0)]));
  const due = since.received + since.lost;
  const roundTrip = number(transport?.round_trip);
  return {
    identity,
    delay: roundTrip === null ? null : roundTrip / 2 + count(packets.lag) + FRAME_SECONDS * count(voice.queued),
    varies: number(packets.jitter),
    lost: part(since.lost, due),
    concealed: part(since.concealed, due),
    late: part(since.late, due),
    level: number(voice.level),
    counted,
  };
}
