// The messages in flight, and the clock that moves them: it runs on between the kernel's pictures, a little behind the latest one.

const LAG_MS = 100;
const FALL_MS = 700;
const ASIDE = 5;

// The simulated time that is shown. Correcting softly hides that pictures come in unevenly; after a jump it starts anew.
function makeClock() {
  let shown = null;
  let latest = null;
  let arrived = 0;
  let drawn = 0;

  function absorb(state, now) {
    const jumped = latest && (state.jump !== latest.jump || state.now_ms < latest.now_ms || state.now_ms > shown + Math.max(2000 * state.speed, 1));
    latest = state;
    arrived = now;
    if (shown === null || jumped) shown = state.now_ms;
    return Boolean(jumped);
  }

  function tick(now) {
    const passed = now - drawn < 250 ? now - drawn : 16; // after a rest, one frame and not the whole rest
    drawn = now;
    const goal = latest.playing ? latest.now_ms + latest.speed * Math.min(now - arrived - LAG_MS, LAG_MS) : latest.now_ms;
    if (latest.playing) shown += latest.speed * passed;
    shown += (goal - shown) * Math.min(1, passed / 160);
    if (!latest.playing && Math.abs(goal - shown) < 0.01) shown = goal;
    return shown;
  }

  return { absorb, tick, settled: () => !latest.playing && shown === latest.now_ms, stand: () => (shown = latest.now_ms) };
}

// The shapes of messages between servers; AppendEntries is a circle.
const OUTLINES = {
  vote: "M0 -8.5 8.5 0 0 8.5 -8.5 0z",
  prevote: "M0 -8.5 8.5 0 0 8.5 -8.5 0z",
  snapshot: "M-6.5 -6.5h13v13h-13z",
  timeout: "M0 -8.5 8.5 6.5h-17z",
};

const LEGEND = [
  { kind: "append", label: "AppendEntries" },
  { kind: "append", hollow: true, label: "heartbeat" },
  { kind: "vote", label: "RequestVote" },
  { kind: "prevote", label: "PreVote" },
  { kind: "snapshot", label: "InstallSnapshot" },
  { kind: "timeout", label: "TimeoutNow" },
  { kind: "append", reply: true, ok: true, label: "+ or − in it: a reply" },
];

function makeLegend() {
  const one = (flight) =>
    html(
      "span",
      {},
      svg("svg", { viewBox: "-11 -11 22 22", "aria-hidden": "true" }, makeMark({ term: 0, id: "", ...flight })),
      flight.label,
    );
  return html("div", { class: "rl-legend rl-soft" }, ...LEGEND.map(one));
}

function makeMark(flight) {
  const side = flight.reply ? "reply" : flight.hollow ? "request hollow" : "request";
  const node = svg(
    "g",
    { class: `flight ${flight.kind} ${side} ${termClass(flight.term)}`, "data-flight": flight.id },
    svg("title", {}, flight.label),
    markShape(flight),
  );
  if (flight.kind === "client") node.append(svg("text", { y: 4 }, clientOf(flight)));
  if (flight.reply)
    node.append(
      svg("path", {
        class: "sign",
        d: flight.ok ? "M-3 0h6M0 -3v6" : "M-3 0h6",
        transform: flight.kind === "client" ? "translate(17,0)" : null,
      }),
    );
  return node;
}

function markShape(flight) {
  if (flight.kind === "client") return svg("rect", { x: -12, y: -9, width: flight.reply ? 36 : 24, height: 18, rx: 9 });
  const outline = OUTLINES[flight.kind];
  return outline ? svg("path", { class: "shape", d: outline }) : svg("circle", { r: 7 });
}

function clientOf(flight) {
  return flight.reply ? flight.target : flight.source;
}

// Keeps a flight until the shown time has passed its arrival, though the kernel, ahead by a moment, has already forgotten it.
class Traffic {
  constructor(layer) {
    this.layer = layer;
    this.flying = new Map();
    this.falling = new Map();
    this.fallen = new Set();
    this.current = new Set();
  }

  clear() {
    for (const { node } of [...this.flying.values(), ...this.falling.values()]) node?.remove();
    for (const all of [this.flying, this.falling, this.fallen]) all.clear();
  }

  absorb(state) {
    this.current = new Set(state.flights.map((flight) => flight.id));
    const dropped = new Set(state.dropped.map((drop) => drop.id));
    for (const id of this.fallen) if (!dropped.has(id)) this.fallen.delete(id);
    for (const flight of [...state.flights, ...state.dropped]) {
      if (this.fallen.has(flight.id)) continue;
      const entry = this.flying.get(flight.id) ?? { flight, node: null };
      this.flying.set(flight.id, { ...entry, lostAt: flight.at_ms });
    }
  }

  move(ring, shown, now, still) {
    for (const [id, entry] of this.flying) {
      const { flight, lostAt } = entry;
      const end = lostAt ?? flight.deliver_ms;
      if (shown < end || (lostAt === undefined && this.current.has(id))) {
        if (shown >= flight.sent_ms) this.place(entry, ring, Math.min(shown, end));
        continue;
      }
      entry.node?.remove();
      this.flying.delete(id);
      if (lostAt !== undefined) this.fall(id, entry, ring, now);
    }
    for (const [id, drop] of this.falling) this.sink(id, drop, now, still);
  }

  place(entry, ring, shown) {
    const point = pointAt(entry.flight, ring, shown);
    if (!point) return;
    if (!entry.node) this.layer.append((entry.node = makeMark(entry.flight)));
    put(entry.node, { transform: moveTo(point) });
  }

  fall(id, { flight, lostAt }, ring, now) {
    this.fallen.add(id);
    const point = pointAt(flight, ring, lostAt);
    if (!point) return;
    const cross = svg("path", { class: "lost", d: CROSS_MARK });
    const node = svg("g", { class: "fall", transform: moveTo(point) }, svg("g", {}, makeMark(flight)), cross);
    this.layer.append(node);
    this.falling.set(id, { node, since: now });
  }

  sink(id, { node, since }, now, still) {
    const share = (now - since) / FALL_MS;
    if (share >= 1) {
      node.remove();
      this.falling.delete(id);
    } else if (!still) {
      put(node.firstChild, { transform: `translate(0,${round(34 * share * share)}) rotate(${round(50 * share)})` });
      put(node, { opacity: Math.round(100 - 100 * share * share) / 100 });
    }
  }

  get busy() {
    return this.falling.size > 0;
  }
}

function pointAt(flight, ring, shown) {
  const path = way(ring, flight.source, flight.target);
  if (!path) return null;
  const share = (shown - flight.sent_ms) / (flight.deliver_ms - flight.sent_ms || 1);
  return pointOn(path, Math.max(0, Math.min(1, share)), ASIDE);
}
