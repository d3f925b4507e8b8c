// What a person does to the chosen servers: one row of buttons, always there, so that nothing moves when something is chosen.

const PARTITION = "Cut the chosen servers off from the rest; only a side with a majority can elect a leader (§5.2).";
const HEAL = "Make every link whole again; the leader brings those who fell behind up to date (§5.3).";

const NOBODY = "choose a server first: click it, or press its number";

// For each control: what it is called, what it does and where that is written, and why a server does not allow it ("" if it does).
const CONTROLS = [
  {
    name: "crash",
    key: "c",
    label: "Crash",
    about: "Cut its power: its memory is gone, and any part of what its disk has not synced (Figure 2, persistent state).",
    refuses: (server) => (server.alive ? "" : "it is crashed already"),
  },
  {
    name: "restart",
    key: "r",
    label: "Restart",
    about: "Start it again from its disk, as a follower (§5.2).",
    refuses: (server) => (server.alive ? "it runs" : ""),
  },
  {
    name: "pause_server",
    key: "p",
    label: "Pause",
    about: "Freeze it; what arrives waits, and the others can't tell it from a crashed one (§5.5).",
    refuses: (server) => whenAlive(server, server.paused ? "it is paused already" : ""),
  },
  {
    name: "resume_server",
    key: "p",
    label: "Resume",
    about: "Let it go on with what waited; it may learn that the others are in a later term (§5.1).",
    refuses: (server) => whenAlive(server, server.paused ? "" : "it is not paused"),
  },
  {
    name: "time_out",
    key: "t",
    label: "Time out",
    about: "Let its election timer run out now, so that it stands for election if a majority would vote for it (§5.2, thesis 9.6).",
    refuses: refusesTimeOut,
  },
  {
    name: "isolate",
    key: "i",
    label: "Isolate",
    about: "Cut all its links, both ways; a leader that hears no majority steps down (thesis 6.2).",
    refuses: (server) => whenAlive(server, ""),
  },
];

// Of each pair only the one that fits is on the screen.
const TWINS = [
  ["crash", "restart"],
  ["pause_server", "resume_server"],
];

// A small world offers only what can be chosen in it.
function offers(state, name) {
  return !state.only || state.only.includes(name);
}

function whenAlive(server, otherwise) {
  if (server.alive) return otherwise;
  return server.halted ? "it has halted, and says why" : "it is crashed: only a restart helps";
}

function refusesTimeOut(server) {
  if (server.alive && server.paused) return "it is paused: resume it first";
  return whenAlive(server, server.role === "leader" ? "a leader has no election timer" : "");
}

class Controls {
  constructor(send, selection) {
    this.send = send;
    this.selection = selection;
    this.state = null;
    this.who = html("span", { class: "rl-who", role: "status" });
    this.buttons = new Map(
      CONTROLS.map((control) => [control.name, button(control.label, { "data-do": control.name, onclick: () => this.act(control) })]),
    );
    this.partition = button("Partition", { "data-do": "partition", onclick: () => this.split() });
    const heal = button("Heal", { "data-do": "heal", title: `${HEAL} (h)`, onclick: () => send({ do: "heal" }) });
    this.several = button("Several", {
      "data-do": "several",
      title: "Choose several servers (or hold Shift)",
      onclick: () => selection.toggle("several"),
    });
    this.matrix = button("Links", { "data-do": "links", title: "All links as a table", onclick: () => selection.toggle("matrix") });
    this.more = button("More", {
      "data-do": "more",
      title: "Membership, leadership, snapshots, clocks and disks; what the marks mean (m)",
      onclick: () => selection.toggle("more"),
    });
    const bar = () => html("span", { class: "rl-split" });
    this.row = html(
      "div",
      { class: "rl-row rl-buttons" },
      ...this.buttons.values(),
      bar(),
      this.partition,
      heal,
      bar(),
      this.several,
      this.matrix,
      this.more,
    );
    this.node = html("div", { class: "rl-controls" }, this.who, this.row);
  }

  get chosen() {
    return this.state.servers.filter((server) => this.selection.servers.has(server.id));
  }

  act(control) {
    for (const server of this.chosen) if (!control.refuses(server)) this.send({ do: control.name, server: server.id });
  }

  split() {
    const inside = this.chosen.map((server) => server.id);
    const rest = this.state.servers.map((server) => server.id).filter((id) => !inside.includes(id));
    this.send({ do: "partition", groups: [inside, rest] });
  }

  update(state) {
    this.state = state;
    const chosen = this.chosen;
    const focused = document.activeElement;
    for (const node of this.row.children) node.classList.toggle("rl-absent", !offers(state, node.dataset.do));
    const advice = offers(state, "links") ? "Choose a server or a link. Shift adds servers." : "Choose a server.";
    put(this.who, { text: chosen.length ? chosen.map((server) => detailWords(server, state.now_ms)).join(" · ") : advice });
    for (const control of CONTROLS) allow(this.buttons.get(control.name), refusal(control, chosen), `${control.about} (${control.key})`);
    for (const [first, second] of TWINS.map((names) => names.map((name) => this.buttons.get(name)))) {
      const showSecond = chosen.length > 0 && first.disabled && !second.disabled;
      put(first, { hidden: showSecond });
      put(second, { hidden: !showSecond });
      keepFocus(focused, first, second);
      keepFocus(focused, second, first);
    }
    const whole = chosen.length === state.servers.length;
    allow(
      this.partition,
      chosen.length ? (whole ? "leave at least one server outside" : "") : "choose the servers of one side first",
      PARTITION,
    );
    put(this.several, { "aria-pressed": String(this.selection.several) });
    put(this.matrix, { "aria-pressed": String(this.selection.matrix) });
    put(this.more, { "aria-expanded": String(this.selection.more), "aria-pressed": String(this.selection.more) });
  }

  key(name) {
    if (name === "h" && offers(this.state, "heal")) this.send({ do: "heal" });
    if (name === "m" && offers(this.state, "more")) this.selection.toggle("more");
    const controls = CONTROLS.filter((control) => control.key === name && offers(this.state, control.name));
    const buttons = controls.map((control) => this.buttons.get(control.name));
    controls.forEach((control) => this.act(control));
    if (buttons.length && buttons.every((one) => one.disabled)) refuseKey(buttons[0]);
    return "hm".includes(name) || controls.length > 0;
  }
}

// Where a button gives way to its twin, the keyboard must not fall out of the lab.
function keepFocus(focused, button, twin) {
  if (focused !== button || !(button.hidden || button.disabled)) return;
  const next = twin.hidden || twin.disabled ? button.closest(".rl-part") : twin;
  next.focus({ preventScroll: true });
}

// One server that allows it is enough; else the first one's reason is given.
function refusal(control, servers) {
  if (!servers.length) return NOBODY;
  const reasons = servers.map(control.refuses);
  return reasons.includes("") ? "" : reasons[0];
}
