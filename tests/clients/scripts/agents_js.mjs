// A whole conversation by @openai/agents-realtime over WebSocket; prints what it saw as JSON.
// Arguments: the server's address, the folder with what the user says.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";

const [url, folder] = process.argv.slice(2);
const CHUNK = 4800;
const DEADLINE = 40_000;
const seen = { events: [], audio: 0, errors: [], asked: [], interrupted: 0, history: [] };

const getTime = tool({
  name: "get_time",
  description: "The current time of day.",
  parameters: z.object({}),
  execute: async () => {
    seen.asked.push("get_time");
    return "It is half past four in the afternoon.";
  },
});
const agent = new RealtimeAgent({ name: "clock", instructions: "Tell the time.", tools: [getTime] });
const session = new RealtimeSession(agent, {
  transport: new OpenAIRealtimeWebSocket({ url: `${url}?model=local` }),
  model: "local",
  tracingDisabled: true,
  config: {
    audio: {
      input: {
        transcription: { model: "gpt-transcribe" },
        turnDetection: { type: "server_vad", silenceDurationMs: 400, createResponse: true, interruptResponse: true },
      },
      output: { voice: "cedar" },
    },
  },
});
session.on("transport_event", (event) => seen.events.push(event));
session.on("audio", (event) => (seen.audio += event.data.byteLength));
session.on("audio_interrupted", () => (seen.interrupted += 1));
session.on("error", (error) => seen.errors.push(String(error?.error?.message ?? JSON.stringify(error))));
session.on("history_updated", (history) => (seen.history = history));

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const of = (type) => seen.events.filter((event) => event.type === type);

async function until(there, what) {
  const deadline = Date.now() + DEADLINE;
  while (!there()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come`);
    await pause(10);
  }
}

async function say(name) {
  const sound = readFileSync(join(folder, `${name}.pcm`));
  for (let start = 0; start < sound.length; start += CHUNK) {
    const piece = Uint8Array.from(sound.subarray(start, start + CHUNK));
    session.sendAudio(piece.buffer);
    await pause(20);
  }
}

await session.connect({ apiKey: "ek_any", url: `${url}?model=local` });
await until(() => of("session.updated").length > 0, "the session's update");
await say("s02");
await until(() => of("response.done").length >= 2, "the reply");
const reply = seen.audio;

await say("s13");
await until(() => seen.audio > reply + 48_000, "the story");
const story = session.transport.currentItemId;
const cuts = of("conversation.item.truncated").length;
session.transport.interrupt();
await until(() => of("conversation.item.truncated").length > cuts, "the truncation");
await until(() => of("response.done").length >= 3, "the end of the story");
session.transport.sendEvent({ type: "conversation.item.retrieve", item_id: story });
await until(() => of("conversation.item.retrieved").length > 0, "the item");
session.sendMessage("what is seven plus five");
await until(() => of("response.done").length >= 4, "the answer to the message");
session.close();
console.log(
  JSON.stringify({
    asked: seen.asked,
    audio: reply,
    story,
    errors: seen.errors,
    interrupted: seen.interrupted,
    history: seen.history,
  }),
);
process.exit(0);
