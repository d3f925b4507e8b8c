// The moment that is shown, from the beginning of the run to its end. Whoever drags it looks at the past; at the right end it is now.

const SCRUB_MS = 60;
const LONG_STEP = 0.1;

function clockName(ms) {
  return `${Math.floor(ms).toLocaleString("en")} ms`;
}

class Scrubber {
  constructor(send) {
    this.send = send;
    this.state = null;
    this.waiting = 0;
    this.slider = html("input", {
      type: "range",
      min: 0,
      max: 1,
      step: "any",
      "aria-label": "moment",
      "data-do": "go",
      title: "Look at any moment; what was does not change",
      oninput: () => this.seek(),
      onkeydown: (event) => this.key(event),
    });
    this.clock = html("output", { class: "rl-mono rl-clock", "aria-label": "simulated time", "data-clock": true });
    this.now = button("Now", { "data-do": "now", onclick: () => send({ do: "now" }) });
    this.marks = html("div", { class: "rl-marks", "aria-hidden": "true" });
    this.node = html("div", { class: "rl-row rl-scrubber" }, html("div", { class: "rl-track" }, this.marks, this.slider), this.clock, this.now);
  }

  // While it is dragged, only so many pictures are asked for; the latest place always is.
  seek() {
    this.name(this.slider.valueAsNumber);
    if (!this.waiting) this.waiting = setTimeout(() => this.arrive(), SCRUB_MS);
  }

  // Asks for the latest place, if it was not asked for yet: what a key does then starts from there.
  arrive() {
    if (!this.waiting) return;
    this.stop();
    this.go(this.slider.valueAsNumber);
  }

  go(ms) {
    this.send(ms >= Number(this.slider.max) ? { do: "now" } : { do: "go", at_ms: ms });
  }

  // On the slider the arrows go from event to event, and space plays, as everywhere in the lab.
  key(event) {
    const { now_ms, end_ms } = this.state;
    const moves = {
      ArrowLeft: () => this.send({ do: "back" }),
      ArrowRight: () => this.send({ do: "step" }),
      PageDown: () => this.go(Math.max(0, now_ms - end_ms * LONG_STEP)),
      PageUp: () => this.go(Math.min(end_ms, now_ms + end_ms * LONG_STEP)),
      Home: () => this.go(0),
      End: () => this.send({ do: "now" }),
      " ": () => this.send({ do: this.state.playing ? "pause" : "play" }),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    this.arrive();
    moves[event.key]();
  }

  name(ms) {
    put(this.clock, { text: clockName(ms) });
    put(this.slider, { "aria-valuetext": `${clockName(ms)} of ${clockName(this.state.end_ms)}` });
  }

  update(state) {
    this.state = state;
    allow(this.now, state.past ? "" : state.lives ? "this is now" : "this is the recording's end", "Back to the end of the run");
    put(this.now, { class: state.past ? "rl-main" : null, text: state.lives ? "Now" : "End" });
    // Not while it is being dragged: an older picture must not pull it back.
    if (this.waiting || this.slider.matches(":active")) return;
    put(this.slider, { max: Math.max(state.end_ms, 1) });
    this.slider.value = state.past ? state.now_ms : this.slider.max;
    this.name(state.now_ms);
    this.mark(state.marks);
  }

  mark(marks) {
    keep(
      this.marks,
      marks,
      ([at, kind]) => `${kind} ${at}`,
      ([at, kind, words]) => html("i", { class: `rl-mark-${kind}`, title: `${clockName(at)}: ${words}` }),
      (node, [at]) => put(node, { style: `--at: ${Math.round((10000 * at) / this.slider.max) / 10000}` }),
    );
  }

  stop() {
    clearTimeout(this.waiting);
    this.waiting = 0;
  }
}
