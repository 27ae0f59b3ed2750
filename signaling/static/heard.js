/**
 * A debugging aid: "what did I hear?" Open the page with `?record=1`, talk, then in the console:
 *
 *     const { rate, chunks } = (await import("/heard.js")).heard();
 *
 * `chunks` are [{frame, base64}]: little-endian float32 samples, mono, `rate` per second, beginning at `frame` of the
 * recording's own clock, so gaps show. It keeps the last five minutes; what is older is dropped.
 */

const RATE = 48_000;
const BLOCKS_PER_CHUNK = 375; // one second of 128-sample blocks
const MAX_CHUNKS = 300;

let context = null;
const sources = new Map();
let tap = null;
let chunks = [];
let filling = null;

/** Loads the tap ahead of time: one that starts late misses the first syllable. Called by the page alone. */
export async function prepare() {
  context = new AudioContext({ sampleRate: RATE });
  await context.audioWorklet.addModule(new URL("tap-worklet.js", import.meta.url));
  tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  tap.port.onmessage = ({ data }) => keep(data);
}

/**
 * Records what is heard of somebody in place of the stream before, together with all others; null ends that. Called by
 * the page alone, after `prepare`.
 */
export function record(identity, stream) {
  sources.get(identity)?.disconnect();
  sources.delete(identity);
  if (!stream) return;
  const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
  source.connect(tap);
  sources.set(identity, source);
}

/** What was heard so far. */
export function heard() {
  const whole = filling ? [...chunks, filling] : chunks;
  return { rate: RATE, chunks: whole.map(({ frame, blocks }) => ({ frame, base64: base64(blocks) })) };
}

function keep({ frame, samples }) {
  const continues = filling && filling.next === frame && filling.blocks.length < BLOCKS_PER_CHUNK;
  if (!continues) {
    if (filling) chunks = [...chunks, filling].slice(-MAX_CHUNKS);
    filling = { frame, blocks: [] };
  }
  filling.blocks.push(samples);
  filling.next = frame + samples.length;
}

function base64(blocks) {
  let binary = "";
  for (const block of blocks) binary += String.fromCharCode(...new Uint8Array(block.buffer, block.byteOffset, block.byteLength));
  return btoa(binary);
}
