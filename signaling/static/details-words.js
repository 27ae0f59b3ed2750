/** The words and units of the panel "Details". */

import { SILENT_DB } from "./agent-statistics.js";

export const DETAILS = Object.freeze({
  none: "No connection yet.",
  untold: "The agent tells nothing of it.",
  nothing: "Nothing yet.",
  unknown: "–",
  ms: (seconds) => (seconds === null ? "–" : `${Math.round(1000 * seconds)} ms`),
  /** How long sound takes, and by how much that varies. */
  delay: (seconds, varies) => {
    if (seconds === null) return "–";
    const around = varies === null ? "" : ` ± ${Math.round(1000 * varies)}`;
    return `${Math.round(1000 * seconds)}${around} ms`;
  },
  percent: (part) => (part === null ? "–" : `${(100 * part).toFixed(1)} %`),
  level: (decibels) => (decibels === null ? "–" : decibels < SILENT_DB ? "silent" : `${Math.round(decibels)} dB`),
  times: (count) => (count === null ? "–" : count === 1 ? "once" : `${count} times`),
  /** What the agent counts of its own voice, as [term, text]; what it does not tell is left out. */
  voice: ({ waiting, level, queued, paused, cut, starved, skipped, worst, reconnects }) =>
    [
      ["Level", level, DETAILS.level],
      ["Still to be said", waiting, (seconds) => `${seconds.toFixed(1)} s`],
      ["Speeches in line", queued, String],
      ["Paused for a voice", paused, DETAILS.times],
      ["Interrupted", cut, DETAILS.times],
      ["Waited for the model", starved, DETAILS.times],
      ["Left out by stalls", skipped, (frames) => `${(0.02 * frames).toFixed(2)} s`],
      ["Late by at most", worst, DETAILS.ms],
      ["Model lost and found", reconnects, DETAILS.times],
    ]
      .filter(([, value]) => value !== null)
      .map(([term, value, words]) => [term, words(value)]),
  ways: { direct: "direct", relay: "relay" },
  held: "paused for a voice",
  resumed: (seconds) => `went on after ${seconds.toFixed(2)} s`,
  interrupted: (seconds) => (seconds === null ? "was interrupted" : `was interrupted after ${seconds.toFixed(2)} s`),
  tool: (name) => `used ${name}`,
  error: "had a problem",
  state: (state) => `is ${state}`,
});
