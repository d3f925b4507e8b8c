// The page's projector: it takes the kernel's place before the parts of the lab, and shows them a recorded run.
// PARTS: the parts by name, as their own files export them.

const PAINT_MS = 100; // as in the lab: moving pictures are fed ten times a second and move by themselves in between
const SPEEDS = [1 / 1000, 1 / 300, 1 / 100, 1 / 50, 1 / 30, 1 / 20, 1 / 10, 1 / 5, 1 / 3, 1 / 2, 1, 2, 3, 5, 10];
const FIRST_SPEED = 1 / 10;
const FILM_ONLY = "This is a recorded run: nothing can be done or asked in it. Its scenario, below, repeats it in the lab.";
const HOUSEKEEPING = new Set(["open_view", "close_view", "dismiss"]);

// What a part takes for the model of a widget.
class Shown {
  constructor(answer) {
    this.answer = answer;
    this.state = {};
    this.listeners = [];
  }

  get(name) {
    return name === "state" ? this.state : undefined;
  }

  on(event, listener) {
    if (event === "change:state") this.listeners.push(listener);
  }

  off() {}

  send(intent) {
    if (!HOUSEKEEPING.has(intent.do)) this.answer(intent);
  }

  show(state) {
    if (state === this.state) return;
    this.state = state;
    this.listeners.forEach((listener) => listener());
  }
}

class Projector {
  constructor(film, bar, page) {
    Object.assign(this, { film, bar, page, now: 0, painted: 0, playing: false, speed: FIRST_SPEED, request: 0, soon: 0, jump: 0 });
    this.models = Object.fromEntries(Object.keys(PARTS).map((name) => [name, new Shown((intent) => this.answer(intent))]));
    for (const [name, part] of Object.entries(PARTS)) part.render({ model: this.models[name], el: page.querySelector(`[data-part=${name}]`) });
    this.track = page.querySelector("[data-track]");
    this.cursor = this.track.querySelector(".film-now");
    this.entriesOf = new WeakMap();
    bar.serve(this);
    this.followPointer();
    page.querySelectorAll("[data-go]").forEach((node) => node.addEventListener("click", () => this.seek(Number(node.dataset.go) * 1000)));
    this.paint();
  }

  // ---- what a person does

  toggle() {
    this.playing = !this.playing;
    if (this.playing && this.now >= this.film.end) this.seek(0);
    this.paint();
    if (this.playing) this.run(performance.now());
  }

  // A leap: what happened in between is passed over.
  seek(now) {
    this.go(now);
    this.painted = this.now;
    this.jump += 1;
  }

  go(now) {
    this.now = Math.max(0, Math.min(this.film.end, Math.round(now)));
    this.place();
    this.soon ||= requestAnimationFrame(() => this.paint()); // a hand on the timeline moves faster than anything is painted
  }

  step(forward) {
    this.playing = false;
    const stop = this.film.stop(this.now, forward);
    if (forward) this.go(stop);
    else this.seek(stop);
  }

  // What a part asks its kernel for: to go to an event is all that a film can do.
  answer(intent) {
    if (intent.do === "go") this.seek(this.film.timeOf(intent.position));
    else this.refuse();
  }

  refuse() {
    this.page.querySelector(".rl-status").dispatchEvent(new CustomEvent("rl-refused", { detail: FILM_ONLY }));
  }

  setSpeed(speed) {
    this.speed = speed;
    this.paint();
  }

  // ---- time

  run(last) {
    cancelAnimationFrame(this.request);
    let fed = last;
    const live = (now) => {
      if (!this.playing) return;
      this.now = Math.min(this.film.end, this.now + Math.min(now - last, PAINT_MS) * this.speed * 1000);
      last = now;
      this.place();
      if (this.now >= this.film.end) this.playing = false;
      if (now - fed >= PAINT_MS || !this.playing) {
        fed = now;
        this.paint();
      }
      this.request = requestAnimationFrame(live);
    };
    this.request = requestAnimationFrame(live);
  }

  paint() {
    this.soon = 0;
    const { film, models, now, playing, speed } = this;
    const picture = film.pictureAt(now);
    const moment = { now_ms: now / 1000, jump: this.jump, speed, playing };
    const traffic = { flights: film.flights(this.painted, now), dropped: film.losses(this.painted, now) };
    models.ring.show({ ...picture.ring, ...moment, ...traffic });
    models.log.show(this.withEntries(picture.log));
    models.kv.show(picture.kv);
    models.status.show(picture.status);
    models.events.show({ kinds: film.kinds, servers: picture.ring.servers.map((server) => server.id), lines: film.linesAt(now) });
    this.painted = now;
    this.bar.update(moment, film);
    this.place();
  }

  // The log's entries stand in the film once, and in pictures as numbers.
  withEntries(log) {
    if (!this.entriesOf.has(log)) this.entriesOf.set(log, { ...log, entries: log.entries.map((number) => this.film.entries[number]) });
    return this.entriesOf.get(log);
  }

  // ---- the timeline

  place() {
    const said = `${Math.floor(this.now / 1000).toLocaleString("en")} ms`;
    this.cursor.style.left = `${(100 * this.now) / (this.film.end || 1)}%`;
    put(this.track, { "aria-valuenow": Math.floor(this.now / 1000), "aria-valuetext": said });
    put(this.bar.clock, { text: said });
  }

  followPointer() {
    const seek = (event) => {
      const { left, width } = this.track.getBoundingClientRect();
      this.seek(((event.clientX - left) / width) * this.film.end);
    };
    this.track.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.track.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.track.addEventListener("pointermove", (event) => this.track.hasPointerCapture(event.pointerId) && seek(event));
  }

  // ---- keys

  key(name) {
    if (name === " ") this.toggle();
    else if (name === "ArrowRight" || name === "ArrowLeft") this.step(name === "ArrowRight");
    else if (name === "Home" || name === "End") this.seek(name === "Home" ? 0 : this.film.end);
    else return this.page.querySelector(".rl-ring").dispatchEvent(new CustomEvent("rl-key", { detail: name, cancelable: true })) === false;
    return true;
  }

  takeKeys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || takesKeysItself(event.target, event.key)) return;
    if (/^[a-z]$/.test(event.key)) {
      event.stopPropagation();
      if (LAB_KEYS.has(event.key)) this.refuse();
    } else if (/^(?: |Arrow(?:Left|Right)|Home|End|[1-9])$/.test(event.key)) {
      event.stopPropagation();
      if (this.key(event.key)) event.preventDefault();
    }
  }
}

class Bar {
  constructor(root) {
    this.icons = { play: icon("play"), pause: icon("pause") };
    this.name = html("span");
    this.play = button("", { class: "rl-main rl-play", "data-do": "play", title: "Space" }, this.icons.play, this.icons.pause, this.name);
    this.back = button("", { "data-do": "back", title: "One event back (←)", "aria-label": "one event back" }, icon("back"));
    this.on = button("", { "data-do": "step", title: "One event on (→)", "aria-label": "one event on" }, icon("on"));
    this.speedText = html("output", { class: "rl-mono rl-speed" });
    const range = { type: "range", min: 0, max: SPEEDS.length - 1, step: 1, "aria-label": "speed", "data-do": "speed" };
    this.speed = html("input", range);
    this.speed.value = SPEEDS.indexOf(FIRST_SPEED);
    const speedRow = html("label", { class: "rl-row rl-speed-row" }, html("span", { class: "rl-soft" }, "speed"), this.speedText, this.speed);
    this.clock = html("output", { class: "rl-mono rl-clock", "aria-label": "simulated time", "data-clock": true });
    root.append(html("div", { class: "rl-row" }, this.play, this.back, this.on, speedRow, this.clock));
  }

  serve(projector) {
    this.play.onclick = () => projector.toggle();
    this.back.onclick = () => projector.step(false);
    this.on.onclick = () => projector.step(true);
    this.speed.oninput = () => projector.setSpeed(SPEEDS[this.speed.valueAsNumber]);
  }

  update({ playing, speed, now_ms }, film) {
    put(this.play, { "data-do": playing ? "pause" : "play" });
    put(this.name, { text: playing ? "Pause" : "Play" });
    put(this.icons.play, { style: playing ? "display:none" : null });
    put(this.icons.pause, { style: playing ? null : "display:none" });
    const said = speed < 1 ? `1/${Math.round(1 / speed)}×` : `${speed}×`;
    put(this.speedText, { text: said });
    put(this.speed, { "aria-valuetext": `${said} of real time` });
    allow(this.back, now_ms > 0 ? "" : "this is the beginning", "One event back (←)");
    allow(this.on, now_ms * 1000 < film.end ? "" : "this is the end", "One event on (→)");
  }
}

// ---- around the film

function changeTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
  const follows = getComputedStyle(document.documentElement).colorScheme === "light dark";
  const seen = follows ? matchMedia("(prefers-color-scheme: dark)").matches : dark;
  document.documentElement.dataset.theme = seen ? "light" : "dark";
}

async function copyScenario(node, said) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    put(said, { text: "Copied." });
  } catch {
    getSelection().selectAllChildren(node); // where a page may not write to the clipboard, a person can
    put(said, { text: "The text is selected: copy it with Ctrl+C." });
  }
}

async function open() {
  const page = document.querySelector(".film");
  const wait = document.querySelector("[data-wait]");
  const scenario = document.querySelector("[data-scenario]");
  document.querySelector("[data-do=theme]").addEventListener("click", changeTheme);
  const copied = document.querySelector("[data-copied]");
  document.querySelector("[data-do=copy]").addEventListener("click", () => copyScenario(scenario, copied));
  if (!("DecompressionStream" in window)) {
    put(wait, { text: "This browser is too old for this page; one of the middle of 2024 or later can show it." });
    return;
  }
  const film = await unpack(document.querySelector("[data-film]").textContent);
  put(wait, { hidden: true });
  put(page, { hidden: false });
  document.querySelector("[data-legend]").append(makeLegend());
  const projector = new Projector(film, new Bar(page.querySelector("[data-bar]")), page);
  document.addEventListener("keydown", (event) => projector.takeKeys(event), true);
}

open();
