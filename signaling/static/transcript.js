/**
 * The conversation as lines, in the order in which they began. Pure: messages of the room in, changes to the log out.
 *
 * A line has parts: pieces of text, and marks where the agent was held, went on or was interrupted. A line of a person
 * begins with their turn and may get its words after the agent's answer has begun; if none come, it goes away.
 *
 * Changes: {op: "add" | "change" | "remove", line}. A line: {id, role, kind, identity, segment, parts, open, tool}.
 */

const MAX_LINES = 500;
const SILENT = new Set(["held", "interrupted"]);

export class Transcript {
  #lines = [];
  #streams = new Map();
  #lastId = 0;

  /** A `stream` message: topic "transcription" (what was said) or "chat" (what somebody typed). */
  stream(message) {
    switch (message.op) {
      case "open":
        return this.#opened(message);
      case "chunk":
        return this.#grown(this.#streams.get(message.sid), String(message.text ?? ""));
      case "close":
        return this.#closed(message.sid, message.attributes ?? {});
      default:
        return [];
    }
  }

  /** What the agent tells about itself (data on topic "agent.event"); `now` in milliseconds. */
  event(event, now) {
    switch (event.type) {
      case "held":
        return this.#held(now);
      case "resumed":
        return this.#resumed(event.held_seconds, now);
      case "interrupted":
        return this.#interrupted(event.identity ?? null);
      case "tool":
        return this.#add({ role: "note", kind: "tool", tool: event });
      case "error":
        return this.note("error", String(event.message ?? ""));
      default:
        return [];
    }
  }

  /** What we typed ourselves. */
  typed(identity, text) {
    return this.#add({ role: "user", kind: "typed", identity, parts: [{ text }] });
  }

  /** A remark of the page; `kind` is "error" or "presence". */
  note(kind, text) {
    return this.#add({ role: "note", kind, parts: [{ text }] });
  }

  /** No more will come for what `identity` was saying. */
  abandon(identity) {
    const left = [...this.#streams].filter(([, line]) => line.identity === identity);
    return left.flatMap(([sid]) => this.#closed(sid, {}));
  }

  /**
   * Something may have been missed: nothing is waited for any longer. Lines with words go on if more words come after
   * all, as when the server was away and the agent was not.
   */
  suspend() {
    return [...this.#streams].flatMap(([sid, line]) => {
      if (!hasWords(line)) return this.#closed(sid, {});
      line.open = false;
      return [{ op: "change", line }];
    });
  }

  /** Begins anew. */
  clear() {
    const gone = this.#lines;
    this.#lines = [];
    this.#streams.clear();
    return gone.map((line) => ({ op: "remove", line }));
  }

  #opened({ sid, from, topic, attributes = {} }) {
    if (this.#streams.has(sid)) return [];
    const typed = topic === "chat";
    if (!typed && topic !== "transcription") return [];
    const role = !typed && attributes.role === "agent" ? "agent" : "user";
    const line = {
      role,
      kind: typed ? "typed" : "speech",
      identity: (role === "user" && attributes.identity) || from,
      segment: attributes.segment ?? sid,
      open: true,
    };
    const changes = this.#add(line);
    this.#streams.set(sid, this.#lines.at(-1));
    return changes;
  }

  #grown(line, text) {
    if (!line || !text) return [];
    line.open = true;
    const last = line.parts.at(-1);
    // Nothing is spoken after a cut or during a hold: words that come then were spoken before.
    const at = last && SILENT.has(last.mark) ? line.parts.length - 1 : line.parts.length;
    const before = line.parts[at - 1];
    if (before?.text === undefined) line.parts.splice(at, 0, { text });
    else before.text += text;
    return [{ op: "change", line }];
  }

  #closed(sid, attributes) {
    const line = this.#streams.get(sid);
    if (!line) return [];
    this.#streams.delete(sid);
    line.open = false;
    if (attributes.interrupted === "true") mark(line, "interrupted");
    if (hasWords(line)) return [{ op: "change", line }];
    return this.#remove(line);
  }

  #remove(line) {
    this.#lines = this.#lines.filter((other) => other !== line);
    return [{ op: "remove", line }];
  }

  /** The line in which the agent is speaking, or the note that stands for one that has not begun. */
  #floor() {
    return this.#lines.findLast((line) => (line.role === "agent" && line.open) || (line.kind === "pause" && line.open)) ?? null;
  }

  #held(since) {
    const line = this.#floor();
    if (!line) return this.#add({ role: "note", kind: "pause", parts: [{ mark: "held", since }], open: true });
    if (line.parts.at(-1)?.mark === "held") return [];
    line.parts.push({ mark: "held", since });
    return [{ op: "change", line }];
  }

  #resumed(seconds, now) {
    const line = this.#floor();
    const held = line?.parts.findLast((part) => part.mark === "held");
    if (!held) return [];
    held.mark = "resumed";
    held.seconds = typeof seconds === "number" ? seconds : Math.max(0, now - held.since) / 1000;
    if (line.kind === "pause") line.open = false;
    return [{ op: "change", line }];
  }

  #interrupted(by) {
    const line = this.#floor();
    // Without words there was nothing to hear, so nothing was interrupted for the listener.
    if (!line) return [];
    if (line.kind === "pause") return this.#remove(line);
    mark(line, "interrupted", by);
    return [{ op: "change", line }];
  }

  #forgetFirst() {
    const first = this.#lines.shift();
    for (const [sid, line] of this.#streams) if (line === first) this.#streams.delete(sid);
    return first;
  }

  #add(facts) {
    const line = { identity: null, segment: null, parts: [], open: false, tool: null, ...facts, id: ++this.#lastId };
    this.#lines.push(line);
    const changes = [{ op: "add", line }];
    if (this.#lines.length > MAX_LINES) changes.push({ op: "remove", line: this.#forgetFirst() });
    return changes;
  }
}

const hasWords = (line) => line.parts.some((part) => part.text !== undefined);

/** Marks the end of a line once; a pause that ends in an interruption was one. `by` is the identity of who did it. */
function mark(line, kind, by = null) {
  const last = line.parts.at(-1);
  if (last?.mark === kind) last.by ??= by;
  else if (last?.mark === "held") Object.assign(last, { mark: kind, by });
  else line.parts.push({ mark: kind, by });
}
