/** What a browser counts of a connection (W3C WebRTC Statistics), as the few numbers that tell how it sounds. Pure. */

const rate = (part, whole) => (whole > 0 ? Math.min(1, Math.max(0, part / whole)) : null);
const number = (value) => (typeof value === "number" ? value : null);
const decibels = (level) => (level === null ? null : 20 * Math.log10(Math.max(level, 1e-6)));

/**
 * @param reports the values of an RTCStatsReport.
 * @param before what this function gave for the same connection a while ago, or null.
 * @returns {{delay, varies, lost, concealed, level, way, counted}} seconds, parts of one since `before`, decibels below
 *   full scale, "direct" or "relay"; null where it is not known (yet). `delay` is the way here and the wait in the
 *   browser's own buffer.
 */
export function summarise(reports, before) {
  const byId = new Map(reports.map((report) => [report.id, report]));
  const transport = reports.find(({ type }) => type === "transport");
  const pair = byId.get(transport?.selectedCandidatePairId) ?? null;
  const ends = [byId.get(pair?.localCandidateId), byId.get(pair?.remoteCandidateId)];
  const sound = reports.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
  const counted = {
    received: sound?.packetsReceived ?? 0,
    lost: sound?.packetsLost ?? 0,
    samples: sound?.totalSamplesReceived ?? 0,
    concealed: sound?.concealedSamples ?? 0,
    // What is made up while nobody speaks and nothing is sent is not a fault.
    silent: sound?.silentConcealedSamples ?? 0,
    // Seconds that all samples together have waited, and how many those were.
    waited: sound?.jitterBufferDelay ?? 0,
    emitted: sound?.jitterBufferEmittedCount ?? 0,
  };
  const earlier = before?.counted ?? {};
  const since = Object.fromEntries(Object.entries(counted).map(([key, value]) => [key, value - (earlier[key] ?? 0)]));
  const roundTrip = number(pair?.currentRoundTripTime);
  return {
    delay: roundTrip === null ? null : roundTrip / 2 + (since.emitted > 0 ? since.waited / since.emitted : 0),
    varies: number(sound?.jitter),
    lost: rate(since.lost, since.lost + since.received),
    concealed: rate(since.concealed - since.silent, since.samples),
    level: decibels(number(sound?.audioLevel)),
    way: pair ? (ends.some((end) => end?.candidateType === "relay") ? "relay" : "direct") : null,
    counted,
  };
}
