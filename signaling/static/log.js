/** The lines of the conversation on the screen: draws what `transcript.js` changed, and stays at the newest line. */

import { MARKS, NOTES } from "./words.js";

const NEAR_END_PX = 80;
const BRIEF = 60;

export class Log {
  #scroller;
  #list;
  #nameOf;
  #interrupter;
  #items = new Map();
  #following = true;
  #put = 0;

  /**
   * @param scroller the element that scrolls, with the list in it.
   * @param nameOf (line) => who speaks.
   * @param interrupter (identity or null) => the name of who interrupted, or null.
   */
  constructor(scroller, nameOf, interrupter) {
    this.#scroller = scroller;
    this.#list = scroller.querySelector("ol");
    this.#nameOf = nameOf;
    this.#interrupter = interrupter;
    scroller.addEventListener("scroll", () => this.#noteReading());
    // A notice that takes some of the height must not push the newest line out of sight.
    new ResizeObserver(() => this.#follow()).observe(scroller);
  }

  get isEmpty() {
    return this.#items.size === 0;
  }

  apply(changes) {
    if (changes.length === 0) return;
    this.#noteReading();
    for (const { op, line } of changes) this.#apply(op, line);
    this.#follow();
  }

  /** Whoever has scrolled up from where we put them wants to read there. */
  #noteReading() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) this.#following = true;
    else if (scrollTop < this.#put - NEAR_END_PX) this.#following = false;
  }

  #follow() {
    if (!this.#following) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#put = this.#scroller.scrollTop;
  }

  #apply(op, line) {
    const item = this.#items.get(line.id);
    if (op === "add") {
      const added = line.tool ? toolItem(line) : this.#lineItem(line);
      this.#items.set(line.id, added);
      this.#list.append(added);
      this.#redraw(added, line);
    } else if (op === "remove") {
      this.#items.delete(line.id);
      item?.remove();
    } else if (item) {
      this.#redraw(item, line);
    }
  }

  #redraw(item, line) {
    // A screen reader waits for the end of a line instead of spelling each piece.
    item.setAttribute("aria-busy", String(line.open));
    const said = item.querySelector(".said");
    if (!said) return;
    item.classList.toggle("pending", line.open && line.parts.length === 0);
    if (line.parts.length === 0) {
      said.replaceChildren(dots());
      return;
    }
    const stale = [...said.childNodes];
    line.parts.forEach((part, index) => {
      const drawn = stale[index];
      if (part.text === undefined) place(said, drawn, this.#markElement(part));
      else if (drawn?.nodeType === Node.TEXT_NODE) drawn.data = part.text;
      else place(said, drawn, document.createTextNode(part.text));
    });
    for (const node of stale.slice(line.parts.length)) node.remove();
  }

  #markElement({ mark, seconds, by }) {
    const made = element("span", "mark", MARKS[mark](seconds, this.#interrupter(by ?? null)));
    made.dataset.kind = mark;
    return made;
  }

  #lineItem(line) {
    const item = bareItem(line);
    if (line.role !== "note") {
      const name = element("span", "who", this.#nameOf(line));
      if (line.kind === "typed") name.append(element("span", "how", NOTES.typed));
      item.append(name);
    }
    item.append(element("p", "said"));
    return item;
  }
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function bareItem(line) {
  const item = element("li", "line");
  item.dataset.role = line.role;
  item.dataset.kind = line.kind;
  if (line.segment) item.dataset.segment = line.segment;
  return item;
}

function place(parent, drawn, node) {
  if (!drawn) parent.append(node);
  else if (drawn.nodeType !== node.nodeType || drawn.dataset?.kind !== node.dataset?.kind) drawn.replaceWith(node);
  else if (drawn.textContent !== node.textContent) drawn.textContent = node.textContent;
}

function dots() {
  const made = element("span", "dots");
  made.append(element("span", "visually-hidden", NOTES.writing));
  for (let i = 0; i < 3; i += 1) made.append(element("i", "dot"));
  return made;
}

/** A tool call: its name and the gist of its result, the whole of it behind a fold. */
function toolItem(line) {
  const { name, arguments: given, output } = line.tool;
  const item = bareItem(line);
  const fold = document.createElement("details");
  const summary = document.createElement("summary");
  summary.append(element("span", "tool-name", NOTES.tool(String(name))), element("span", "tool-gist", gist(output)));
  const facts = element("dl", "tool-facts");
  for (const [label, value] of [
    [NOTES.asked, given],
    [NOTES.answered, output],
  ]) {
    facts.append(element("dt", "", label), element("dd", "", asText(value)));
  }
  fold.append(summary, facts);
  item.append(fold);
  return item;
}

function asText(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}

function gist(output) {
  const text = asText(output).replace(/\s+/g, " ");
  return text.length > BRIEF ? `${text.slice(0, BRIEF - 1)}…` : text;
}
