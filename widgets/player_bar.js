// The bar above the lab: play and pause, event by event, speed, and the scrubber. What it shows comes from the kernel, also after a click.

// Round speeds, each about half again to twice the one before: a slider over them is logarithmic, and every stop has a plain name.
const SPEEDS = [1 / 1000, 1 / 500, 1 / 300, 1 / 200, 1 / 100, 1 / 50, 1 / 30, 1 / 20, 1 / 10, 1 / 5, 1 / 3, 1 / 2, 1, 2, 3, 5, 10];
const STEP_TITLE = "Go on to the next event (→)";
const ARROWS = { ArrowLeft: "back", ArrowRight: "step" };
const PAUSE_FIRST = "pause first: then one event at a time";
const BACK_TITLE = "Go back to before the latest event (←)";

function speedName(speed) {
  return speed < 1 ? `1/${Math.round(1 / speed)}×` : `${Math.round(speed * 10) / 10}×`;
}

function nearestStop(speed) {
  const distance = (stop) => Math.abs(Math.log(SPEEDS[stop] / speed));
  return SPEEDS.map((_, stop) => stop).reduce((best, stop) => (distance(stop) < distance(best) ? stop : best));
}

class PlayerBar {
  constructor(root, send) {
    this.send = send;
    this.playing = false;
    this.icons = { play: icon("play"), pause: icon("pause") };
    this.playName = html("span");
    this.play = button(
      "",
      { class: "rl-main rl-play", title: "Space", onclick: () => this.toggle() },
      this.icons.play,
      this.icons.pause,
      this.playName,
    );
    this.back = button("", { "data-do": "back", "aria-label": "One event back", onclick: () => send({ do: "back" }) }, icon("stepback"));
    this.one = button("", { "data-do": "step", "aria-label": "One event on", onclick: () => send({ do: "step" }) }, icon("step"));
    this.speedText = html("output", { class: "rl-mono rl-speed" });
    this.speed = html("input", {
      type: "range",
      min: 0,
      max: SPEEDS.length - 1,
      step: 1,
      "aria-label": "speed",
      "data-do": "speed",
      oninput: () => this.changeSpeed(),
    });
    this.scrubber = new Scrubber(send);
    this.share = new Share(send);
    const speedRow = html(
      "label",
      { class: "rl-row rl-speed-row" },
      html("span", { class: "rl-soft" }, "speed"),
      this.speedText,
      this.speed,
    );
    const row = html("div", { class: "rl-row" }, this.play, this.back, this.one, speedRow, this.scrubber.node, ...this.share.buttons);
    root.append(row, this.share.panel);
  }

  toggle() {
    this.send({ do: this.playing ? "pause" : "play" });
  }

  changeSpeed() {
    const value = SPEEDS[this.speed.valueAsNumber];
    this.nameSpeed(value);
    this.send({ do: "speed", value });
  }

  nameSpeed(value) {
    put(this.speedText, { text: speedName(value) });
    put(this.speed, { "aria-valuetext": `${speedName(value)} of real time` });
  }

  update(state) {
    this.playing = state.playing;
    put(this.play, { "data-do": state.playing ? "pause" : "play" });
    put(this.playName, { text: state.playing ? "Pause" : "Play" });
    put(this.icons.play, { style: state.playing ? "display:none" : null });
    put(this.icons.pause, { style: state.playing ? null : "display:none" });
    const ended = !state.lives && !state.past;
    allow(this.one, state.playing ? PAUSE_FIRST : ended ? "the recording ends here" : "", STEP_TITLE);
    allow(this.back, state.playing ? PAUSE_FIRST : state.now_ms > 0 ? "" : "this is the beginning", BACK_TITLE);
    // Not while it is being dragged: an older picture must not pull it back.
    if (!this.speed.matches(":active")) {
      this.speed.value = nearestStop(state.speed);
      this.nameSpeed(state.speed);
    }
    this.scrubber.update(state);
    this.share.update(state.paper);
  }

  key(name) {
    if (name === " ") this.toggle();
    else if (!ARROWS[name]) return false;
    else {
      const node = name === "ArrowLeft" ? this.back : this.one;
      if (node.disabled) refuseKey(node);
      else this.send({ do: ARROWS[name] });
    }
    return true;
  }

  stop() {
    this.scrubber.stop();
  }
}

export default part("player", (root, send) => new PlayerBar(root, send));
