// The ring as a whole: draws each picture that comes, animates in between, and keeps what the person has chosen.

const LAYERS = ["lines", "targets", "transfers", "servers", "notes", "messages"];
const ROOMY = 5;

class Ring {
  constructor(root, send) {
    this.root = root;
    this.state = null;
    this.ring = null;
    this.visible = true;
    this.request = 0;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.clock = makeClock();
    this.selection = new Selection(() => this.refresh());
    this.controls = new Controls(send, this.selection);
    this.panel = makeLinkPanel(send, () => this.selection.chooseLink(null));
    this.matrix = makeMatrix(send);
    this.makeStage();
    this.more = new More(send, this.selection);
    this.quorums = html("div", { class: "rl-quorums", role: "group", "aria-label": "majorities" });
    root.append(this.stageBox, this.quorums, this.controls.node, this.more.node, this.panel.node, this.matrix.node);
    this.watchers = [new IntersectionObserver(([entry]) => this.see(entry.isIntersecting)), new ResizeObserver(() => this.lay())];
    this.watchers.forEach((watcher) => watcher.observe(this.stageBox));
  }

  makeStage() {
    const [lines, targets, transfers, servers, notes, messages] = LAYERS.map((name) => svg("g", { class: name }));
    this.layers = { lines, targets, transfers, servers, notes };
    this.traffic = new Traffic(messages);
    this.stage = svg("svg", { class: "rl-stage", role: "group", "aria-label": "the cluster" }, lines, targets, transfers, servers, notes, messages);
    this.splitText = html("span");
    this.splitNote = html("div", { class: "rl-split-brain", hidden: true }, icon("warn"), this.splitText);
    this.stageBox = html("div", { class: "rl-stage-box" }, this.stage, this.splitNote);
  }

  update(state) {
    this.state = state;
    if (this.clock.absorb(state, performance.now())) this.traffic.clear();
    this.traffic.absorb(state);
    if (!this.ring || this.ring.seats.size !== state.servers.length) this.lay();
    else this.refresh();
    if (this.calm.matches) this.clock.stand();
    this.wake();
  }

  lay() {
    if (!this.state) return;
    const tight = this.root.clientWidth < NARROW_PX || parseFloat(getComputedStyle(this.stage).maxHeight) < LOW_PX;
    this.ring = ringOf(
      this.state.servers.map((server) => server.id),
      tight,
    );
    put(this.stage, { viewBox: this.ring.viewBox, class: this.ring.tight ? "rl-stage rl-tight" : "rl-stage" });
    this.refresh();
    this.wake();
  }

  refresh() {
    if (!this.ring) return;
    const { state, ring, selection, layers } = this;
    const pairs = pairsOf(state);
    const leaders = state.servers.filter((server) => server.alive && server.role === "leader");
    keep(
      layers.lines,
      pairs,
      (pair) => pair.name,
      makeLine,
      (node, pair) => updateLine(node, pair, ring, selection.link === pair.name),
    );
    const makeTarget = (pair) => makeLinkTarget(pair, (name) => selection.chooseLink(name));
    keep(
      layers.targets,
      offers(state, "links") ? pairs : [],
      (pair) => pair.name,
      makeTarget,
      (node, pair) => updateLinkTarget(node, pair, ring),
    );
    const make = (server) => makeServer(server, ring, (id, adding) => selection.chooseServer(id, adding));
    keep(
      layers.servers,
      state.servers,
      (server) => `${server.id} ${ring.disc}`, // among many servers each is drawn smaller
      make,
      (node, server) => {
        const violated = state.violated?.includes(server.id); // a recorded page has none
        updateServer(node, server, ring, { chosen: selection.servers.has(server.id), leaders: leaders.length, violated });
      },
    );
    this.tell(leaders);
  }

  // What stands beside the ring: words, controls, panels.
  tell(leaders) {
    const { state, selection, layers } = this;
    // Among many servers such notes would hide neighbours; the line under the ring says the same.
    const asked = state.servers.length <= ROOMY && leaders.some((server) => selection.servers.has(server.id));
    updateAllNotes(layers.notes, state.servers, asked, this.ring);
    updateTransfers(layers.transfers, leaders, this.ring);
    updateQuorums(this.quorums, state.membership);
    put(this.splitNote, { hidden: leaders.length < 2 });
    put(this.splitText, { text: `${leaders.length} leaders: ${leaders.map((server) => `${server.id} (term ${server.term})`).join(", ")}` });
    this.controls.update(state);
    this.more.update(state);
    this.panel.update(pairsOf(state).find((pair) => pair.name === selection.link) ?? null);
    this.matrix.update(state, selection.matrix);
  }

  see(visible) {
    this.visible = visible;
    this.wake();
  }

  wake() {
    if (!this.request && this.ring && this.visible) this.request = requestAnimationFrame((now) => this.animate(now));
  }

  animate(now) {
    this.request = 0;
    const still = this.calm.matches;
    const shown = still ? this.state.now_ms : this.clock.tick(now);
    this.traffic.move(this.ring, shown, now, still);
    this.state.servers.forEach((server, place) => windTimer(this.layers.servers.children[place], server, shown));
    if ((!still && !this.clock.settled()) || this.traffic.busy) this.wake();
  }

  key(name) {
    const server = this.state?.servers[Number(name) - 1];
    if (server) this.selection.reach(server.id);
    return Boolean(server) || (this.state !== null && (this.controls.key(name) || (offers(this.state, "more") && this.more.key(name))));
  }

  stop() {
    cancelAnimationFrame(this.request);
    this.visible = false;
    this.watchers.forEach((watcher) => watcher.disconnect());
  }
}

// What is chosen: some servers, or one link; never both. `several`: each click adds or takes away. `matrix`: the table of links is
// shown. `more`: so are the rarer controls.
class Selection {
  constructor(changed) {
    Object.assign(this, { changed, servers: new Set(), link: null, several: false, matrix: false, more: false });
  }

  chooseServer(id, adding) {
    if (adding || this.several) {
      if (!this.servers.delete(id)) this.servers.add(id);
    } else {
      const only = this.servers.size === 1 && this.servers.has(id);
      this.servers = new Set(only ? [] : [id]);
    }
    this.link = null;
    this.changed();
  }

  // A number always chooses; only among several does it also take away.
  reach(id) {
    const only = this.servers.size === 1 && this.servers.has(id);
    if (this.several || !only) this.chooseServer(id, false);
  }

  chooseLink(name) {
    this.link = this.link === name ? null : name;
    this.servers = new Set();
    this.changed();
  }

  toggle(what) {
    this[what] = !this[what];
    this.changed();
  }
}

export default part("ring", (root, send) => new Ring(root, send));
