// The rarer controls: who belongs to the cluster, who leads, snapshots, clocks and disks. Each says in one sentence what it does, and where
// that is written. A disk's fault is switched off by the button that switched it on.

const SLOW_SYNC_MS = 80;
const RATES = [
  [0.5, "½×", "Let its clock count half as fast: timeouts last longer, and a lease trusts that clocks run almost alike (thesis 6.4.1)."],
  [1, "1×", "Let its clock run true again, as leases trust it to (thesis 6.4.1)."],
  [2, "2×", "Let its clock count twice as fast: its timeouts end early, and leases are safe only within the trusted drift (thesis 6.4.1)."],
];

function whyNoChange(state) {
  const leads = state.servers.some((server) => server.alive && !server.paused && server.role === "leader");
  if (!leads) return "no server leads just now, and only a leader can do this";
  return state.membership.changing ? "another change of the membership is under way" : "";
}

// One server that is not yet in this place is enough.
function whyNot(place, already) {
  return (chosen, state) => whyNoChange(state) || (chosen.some((server) => server.place !== place) ? "" : already);
}

function become(place) {
  return (chosen, send) => send({ do: "membership", servers: chosen.map((server) => server.id), become: place });
}

function whyNoTransfer(chosen, state) {
  const [target] = chosen;
  const leaders = state.servers.filter((server) => server.alive && !server.paused && server.role === "leader");
  if (!leaders.length) return "no server leads just now";
  if (chosen.length > 1) return "choose one server only";
  const leader = leaders.find((server) => server.id === target.id);
  if (leader) return leader.transfer ? "" : "it leads already";
  if (target.place !== "voter") return "only a voter can lead";
  return leaders.some((server) => server.transfer === target.id) ? "leadership is being transferred to it already" : "";
}

function whyNoSnapshot(chosen) {
  const reason = (server) => {
    if (!server.alive) return whyDown(server);
    if (server.paused) return "it is paused: resume it first";
    return server.uncompacted ? "" : "it has applied nothing since its last snapshot";
  };
  const reasons = chosen.map(reason);
  return reasons.includes("") ? "" : reasons[0];
}

function whyDown(server) {
  return server.halted ? "it has halted, and says why" : "it is crashed: only a restart helps";
}

function whyNotKill(chosen) {
  return chosen.some((server) => server.alive) ? "" : whyDown(chosen[0]);
}

// Each control: `about` says what it does; `whyNot` why it can't; `act` does it; `pressed`, if there is one, whether it is on.
const MEMBERSHIP = [
  {
    name: "add_server",
    key: "a",
    label: "Add server",
    about: "Create one more server and make it a voter; it learns the log first, and only then counts (§6, thesis 4.2.1).",
    anyone: true,
    whyNot: (_chosen, state) => tooMany(state) || whyNoChange(state),
    act: (_chosen, send) => send({ do: "add_server" }),
  },
  {
    name: "create_server",
    label: "Create",
    about: "Let one more server exist with an empty disk; it belongs to no cluster until you make it a learner or a voter (§6).",
    anyone: true,
    whyNot: (_chosen, state) => tooMany(state),
    act: (_chosen, send) => send({ do: "create_server" }),
  },
  {
    name: "voter",
    label: "Voter",
    about: "Let the chosen servers vote: one takes one step (thesis 4.1), several go through a joint configuration with two majorities (§6).",
    whyNot: whyNot("voter", "a voter already"),
    act: become("voter"),
  },
  {
    name: "learner",
    label: "Learner",
    about: "Let the chosen servers receive the log and count nowhere (thesis 4.2.1).",
    whyNot: whyNot("learner", "a learner already"),
    act: become("learner"),
  },
  {
    name: "remove",
    label: "Remove",
    about: "Let the chosen servers belong to the cluster no more; they go on running, and hear nothing until Voter brings them back (§6).",
    whyNot: whyNot("outsider", "not a member"),
    act: become("outsider"),
  },
];

const SERVER = [
  {
    name: "transfer",
    key: "l",
    label: "Make it lead",
    about: "The leader brings this server's log up to date, takes in no commands meanwhile, and tells it to stand at once (thesis 3.10); for the leader: cancel that.",
    whyNot: whyNoTransfer,
    act: ([target], send) => send({ do: "transfer", server: target.id }),
  },
  {
    name: "take_snapshot",
    key: "s",
    label: "Snapshot",
    about: "Put a snapshot of its store in place of its log, as far as it has applied it (§7).",
    whyNot: whyNoSnapshot,
    act: (chosen, send) => {
      for (const server of chosen) if (!whyNoSnapshot([server])) send({ do: "take_snapshot", server: server.id });
    },
  },
  {
    name: "kill",
    label: "Kill process",
    about:
      "Let its process crash alone: its memory is gone, all that it wrote can still be read, and it syncs that before it answers again (Figure 2, persistent state).",
    whyNot: whyNotKill,
    act: (chosen, send) => {
      for (const server of chosen) if (server.alive) send({ do: "kill", server: server.id });
    },
  },
];

const CLOCK = RATES.map(([rate, label, about]) => ({
  name: `clock-${rate}`,
  label,
  about,
  whyNot: () => "",
  act: (chosen, send) => chosen.forEach((server) => send({ do: "clock_rate", server: server.id, rate })),
  pressed: (server) => server.clock_rate === rate,
}));

// A disk's fault: `on` is what makes it so, `off` what mends it.
function diskFault(fault, label, on, off, about) {
  const changes = (server, state) => (server.disk[fault] ? off(state) : on);
  return {
    name: `disk-${fault}`,
    label,
    about,
    whyNot: () => "",
    act: (chosen, send, state) =>
      chosen.forEach((server) => send({ do: "disk", server: server.id, ...changes(chosen[0], state) })),
    pressed: (server) => server.disk[fault],
  };
}

const DISK = [
  diskFault(
    "slow",
    "Slow",
    { sync_ms: SLOW_SYNC_MS },
    (state) => ({ sync_ms: state.healthy_sync_ms }),
    `Each sync takes ${SLOW_SYNC_MS} ms, and a server answers only after it has synced (Figure 2, persistent state).`,
  ),
  diskFault(
    "sync_fails",
    "Sync fails",
    { sync_fails: true },
    () => ({ sync_fails: false }),
    "Every sync reports an error and keeps nothing, and the server halts, for the next sync would report success and keep none of it (Figure 2, persistent state).",
  ),
  diskFault(
    "full",
    "Full",
    { capacity_bytes: 0 },
    () => ({ capacity_bytes: null }),
    "Nothing more fits on its disk, and the server halts at the next vote or entry that it has to keep (Figure 2, persistent state).",
  ),
  diskFault(
    "loses_writes",
    "Loses writes",
    { loses_writes: true },
    () => ({ loses_writes: false }),
    "What is written is reported as kept and is gone when the power fails: a gap in its log is found, a lost end is not, and then it may vote twice (Figure 2, persistent state).",
  ),
  diskFault(
    "reads_fail",
    "Can't read",
    { reads_fail: true },
    () => ({ reads_fail: false }),
    "Every read reports an error, and the server can't start until that is mended (Figure 2, persistent state).",
  ),
  {
    name: "flip_bit",
    label: "Flip a bit",
    about: "Let one bit rot on its disk; a checksum tells the server when it restarts (Figure 2, persistent state).",
    whyNot: () => "",
    act: (chosen, send) => chosen.forEach((server) => send({ do: "flip_bit", server: server.id })),
  },
];

function tooMany(state) {
  return state.servers.length < MOST_SERVERS ? "" : `a cluster has ${MOST_SERVERS} servers at most`;
}

const MOST_SERVERS = 9;
const SHELVES = [
  [["Members", MEMBERSHIP]],
  [
    ["Server", SERVER],
    ["Clock", CLOCK],
  ],
  [["Disk", DISK]],
];

class More {
  constructor(send, selection) {
    Object.assign(this, { send, selection, state: null });
    this.buttons = new Map();
    const shelves = SHELVES.map((groups) => html("div", { class: "rl-row rl-shelf" }, ...groups.map((group) => this.makeGroup(...group))));
    this.about = html("p", { class: "rl-about rl-soft", role: "status" });
    this.foot = html("div", { class: "rl-foot" }, this.about, makeLegend());
    this.node = html("div", { class: "rl-more", hidden: true }, ...shelves, this.foot);
    for (const kind of ["pointerover", "focusin"]) this.node.addEventListener(kind, (event) => this.explain(event.target));
    for (const kind of ["pointerleave", "focusout"]) this.node.addEventListener(kind, () => this.explain(null));
  }

  makeGroup(title, controls) {
    for (const control of controls) {
      const act = () => control.act(this.chosen, this.send, this.state);
      this.buttons.set(control, button(control.label, { "data-do": control.name, onclick: act }));
    }
    const row = controls.map((control) => this.buttons.get(control));
    return html("div", { class: "rl-row", role: "group", "aria-label": title }, html("span", { class: "rl-soft" }, title), ...row);
  }

  get chosen() {
    return this.state.servers.filter((server) => this.selection.servers.has(server.id));
  }

  update(state) {
    this.state = state;
    put(this.node, { hidden: !this.selection.more });
    const chosen = this.chosen;
    for (const [control, node] of this.buttons) {
      const refusal = control.anyone || chosen.length ? control.whyNot(chosen, state) : NOBODY;
      allow(node, refusal, control.about + (control.key ? ` (${control.key})` : ""));
      if (control.pressed) put(node, { "aria-pressed": String(chosen.length > 0 && chosen.every(control.pressed)) });
    }
  }

  // At the foot stands what the control does that is pointed at, else what the marks mean: one place for both.
  explain(node) {
    const [control] = [...this.buttons].find(([, one]) => one === node) ?? [];
    if (node && !control) return;
    const words = control ? (node.disabled ? `${control.about} Not now: ${node.title}.` : control.about) : "";
    put(this.about, { text: words });
    this.foot.classList.toggle("rl-told", words !== "");
  }

  key(name) {
    const [control, node] = [...this.buttons].find(([one]) => one.key === name) ?? [];
    if (!control) return false;
    if (node.disabled) refuseKey(node);
    else control.act(this.chosen, this.send, this.state);
    return true;
  }
}
