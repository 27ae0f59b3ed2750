/** Asks for what "Details" shows: the browser about each connection, the agent about what it hears and says. */

import { agentOf, isAgent } from "./people.js";
import { RequestError } from "./signaling.js";

const METHOD = "agent.statistics";
const PATIENCE_MS = 3000;

/**
 * @param calls a `Calls`, or null; `signaling` a `Signaling`, or null.
 * @param page what `page.js` knows.
 * @param nameOf ({role, identity}) => how somebody is called.
 * @returns {{connections, told, nameOf}} `connections` are [{identity, name, statistics}], `told` is the agent's answer or null.
 */
export async function askForNumbers({ calls, signaling, page, nameOf }) {
  const [connections, told] = await Promise.all([calls?.statistics() ?? [], askAgent(signaling, agentOf(page))]);
  const named = connections.map(({ identity, statistics }) => {
    const person = page.people[identity];
    const role = person && isAgent(person) ? "agent" : "user";
    return { identity, statistics, name: nameOf({ role, identity }) };
  });
  return { connections: named, told, nameOf: (identity) => nameOf({ role: "user", identity }) };
}

/** Null where there is no agent, or it has nothing to tell: one of another make, or one that is away. */
async function askAgent(signaling, agent) {
  if (!signaling || !agent) return null;
  try {
    const answer = await signaling.request({ t: "rpc", to: agent.identity, method: METHOD, timeout_ms: PATIENCE_MS });
    return answer.payload ?? null;
  } catch (error) {
    if (error instanceof RequestError) return null;
    throw error;
  }
}
