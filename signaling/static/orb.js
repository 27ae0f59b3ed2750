/**
 * The agent as a shape: still, breathing, swirling, speaking, or frozen in the middle of a movement while it is held.
 *
 * Each state is a row of numbers; the drawing glides from one row to the next. With reduced motion it stands still and
 * is drawn once for each state.
 */

const GLIDE_PER_SECOND = 7;
const POINTS = 96;

/**
 * fill: how much colour; size: of the radius; wobble: how far from a circle; speed: of the movement; breath: slow change of
 * size; voice and ear: how much the agent's and the person's level move it; arc: the circling line of a wait; bars: the sign
 * of a pause.
 */
const SHAPES = Object.freeze({
  idle: { fill: 0.55, size: 0.62, wobble: 0.02, speed: 0.25, breath: 0.015, voice: 0, ear: 0.5, arc: 0, bars: 0 },
  connecting: { fill: 0.6, size: 0.58, wobble: 0.02, speed: 0.4, breath: 0.02, voice: 0, ear: 0, arc: 1, bars: 0 },
  listening: { fill: 0.85, size: 0.64, wobble: 0.02, speed: 0.5, breath: 0.02, voice: 0, ear: 1, arc: 0, bars: 0 },
  thinking: { fill: 0.85, size: 0.6, wobble: 0.11, speed: 2.1, breath: 0.02, voice: 0, ear: 0.3, arc: 0, bars: 0 },
  speaking: { fill: 1, size: 0.64, wobble: 0.045, speed: 1.3, breath: 0.01, voice: 1, ear: 0.3, arc: 0, bars: 0 },
  held: { fill: 0.8, size: 0.62, wobble: 0.06, speed: 0, breath: 0, voice: 0, ear: 1, arc: 0, bars: 1 },
  reconnecting: { fill: 0.3, size: 0.58, wobble: 0.02, speed: 0.4, breath: 0.02, voice: 0, ear: 0.3, arc: 1, bars: 0 },
  failed: { fill: 0.12, size: 0.58, wobble: 0.02, speed: 0, breath: 0, voice: 0, ear: 0, arc: 0, bars: 0 },
});

export class Orb {
  #element;
  #canvas;
  #brush;
  #shape = { ...SHAPES.idle };
  #phase = 0;
  #drawnAt = 0;
  #settled = false;
  #colours = null;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param element #agent, with a canvas in it. */
  constructor(element) {
    this.#element = element;
    this.#canvas = element.querySelector("canvas");
    this.#brush = this.#canvas.getContext("2d");
    const repaint = () => {
      this.#colours = null;
      this.#settled = false;
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    this.#still.addEventListener("change", repaint);
    new ResizeObserver(repaint).observe(this.#canvas);
  }

  /** One of the keys of SHAPES; anything else is drawn as connecting. */
  set state(state) {
    if (this.#element.dataset.state === state) return;
    this.#element.dataset.state = state;
    this.#settled = false;
  }

  /** Draws one animation frame; `voice` and `ear` are the levels of the agent and the person, 0 to 1. */
  draw(now, voice, ear) {
    const elapsed = Math.min(0.1, (now - this.#drawnAt) / 1000);
    this.#drawnAt = now;
    const target = SHAPES[this.#element.dataset.state] ?? SHAPES.connecting;
    if (this.#still.matches) {
      if (this.#settled) return;
      this.#settled = true;
      this.#shape = { ...target };
      this.#paint(0, 0);
      return;
    }
    const glide = 1 - Math.exp(-GLIDE_PER_SECOND * elapsed);
    for (const key of Object.keys(target)) this.#shape[key] += (target[key] - this.#shape[key]) * glide;
    // Held is frozen at once: what stops must not slide on.
    this.#phase += elapsed * (target.speed === 0 ? 0 : this.#shape.speed);
    this.#paint(voice, ear);
  }

  #paint(voice, ear) {
    const brush = this.#brush;
    const side = this.#fit();
    const colours = (this.#colours ??= coloursOf(this.#element));
    const { fill, size, wobble, breath, arc, bars } = this.#shape;
    const loud = voice * this.#shape.voice;
    const heard = ear * this.#shape.ear;
    const radius = (side / 2) * (size + breath * Math.sin(this.#phase * 2.2) + 0.07 * loud);
    const middle = side / 2;
    brush.clearRect(0, 0, side, side);
    if (heard > 0.01) this.#ring(middle, radius, heard, colours);
    for (const layer of [2, 1, 0]) {
      this.#trace(middle, radius * (1 + layer * (0.05 + 0.1 * loud)), wobble + 0.1 * loud, layer);
      brush.globalAlpha = layer === 0 ? fill : fill * (0.22 - 0.06 * layer);
      brush.fillStyle = layer === 0 ? shading(brush, middle, radius, colours) : colours.accent;
      brush.fill();
    }
    if (fill < 0.5) this.#outline(middle, radius, wobble, colours);
    if (arc > 0.02) this.#arc(middle, side * 0.44, arc, colours);
    if (bars > 0.02) this.#bars(middle, side * 0.075, bars, colours);
    brush.globalAlpha = 1;
  }

  /** Makes the canvas as sharp as the screen; returns its side in pixels. */
  #fit() {
    const side = Math.round(this.#canvas.clientWidth * Math.min(2, devicePixelRatio));
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    return side;
  }

  #trace(middle, radius, wobble, layer) {
    const t = this.#phase + layer * 1.7;
    this.#brush.beginPath();
    for (let i = 0; i <= POINTS; i += 1) {
      const angle = (i / POINTS) * 2 * Math.PI;
      const wave = 0.5 * Math.sin(2 * angle + t) + 0.32 * Math.sin(3 * angle - 1.3 * t) + 0.18 * Math.sin(5 * angle + 0.7 * t);
      const reach = radius * (1 + wobble * wave);
      this.#brush.lineTo(middle + reach * Math.cos(angle), middle + reach * Math.sin(angle));
    }
    this.#brush.closePath();
  }

  #ring(middle, radius, heard, colours) {
    const brush = this.#brush;
    brush.globalAlpha = 0.25 + 0.5 * heard;
    brush.strokeStyle = colours.accent;
    brush.lineWidth = middle * (0.008 + 0.03 * heard);
    brush.beginPath();
    brush.arc(middle, middle, Math.min(middle * 0.96, radius * (1.16 + 0.22 * heard)), 0, 2 * Math.PI);
    brush.stroke();
  }

  #outline(middle, radius, wobble, colours) {
    this.#trace(middle, radius, wobble, 0);
    this.#brush.globalAlpha = 0.7;
    this.#brush.strokeStyle = colours.accent;
    this.#brush.lineWidth = middle * 0.012;
    this.#brush.stroke();
  }

  #arc(middle, radius, strength, colours) {
    const brush = this.#brush;
    const start = this.#phase * 6;
    brush.globalAlpha = 0.9 * strength;
    brush.strokeStyle = colours.accent;
    brush.lineCap = "round";
    brush.lineWidth = middle * 0.022;
    brush.beginPath();
    brush.arc(middle, middle, radius, start, start + 1.3);
    brush.stroke();
  }

  #bars(middle, unit, strength, colours) {
    const brush = this.#brush;
    brush.globalAlpha = strength;
    brush.fillStyle = colours.onAccent;
    for (const side of [-1, 1]) {
      brush.beginPath();
      brush.roundRect(middle + side * unit - unit * 0.35, middle - unit * 1.5, unit * 0.7, unit * 3, unit * 0.3);
      brush.fill();
    }
  }
}

function coloursOf(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  return { accent: read("--accent"), light: read("--accent-light"), onAccent: read("--on-accent") };
}

/** Lit from the upper left. */
function shading(brush, middle, radius, colours) {
  const lit = middle - radius * 0.35;
  const shade = brush.createRadialGradient(lit, lit, radius * 0.1, middle, middle, radius * 1.15);
  shade.addColorStop(0, colours.light);
  shade.addColorStop(1, colours.accent);
  return shade;
}
