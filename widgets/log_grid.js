// The logs: one row a server, one column an index. The kernel sends a window; here it scrolls, and asks for another one.

const NEAR_END_PX = 40;
const HEAD_PX = 92;
const SNAPSHOT_PX = 84;
const LEAST_PX = 44;
const MOST_PX = 62;
const LOOKS = "Square corners: a configuration. Round: a client's session begins. Hatched: compacted, it stands in the snapshot.";

class LogGrid {
  constructor(root, send) {
    this.state = null;
    this.send = send;
    this.stuck = true; // Where the person has scrolled away from the end, new entries do not pull the window along.
    this.heads = html("tr");
    this.body = html("tbody", { onclick: (event) => this.ask(event), onkeydown: (event) => event.key === "Enter" && this.ask(event) });
    this.table = html("table", {}, html("thead", {}, this.heads), this.body);
    this.scroll = html(
      "div",
      { class: "rl-scroll", tabindex: "0", role: "region", "aria-label": "logs", onscroll: () => this.noteScroll() },
      this.table,
    );
    const look = (from) => () => send({ do: "window", from: from() });
    const half = () => Math.floor(this.state.columns / 2);
    const earlier = look(() => Math.max(this.state.begin, this.state.first - half()));
    const later = look(() => this.state.first + half());
    this.earlier = button("", { "data-do": "earlier", "aria-label": "earlier entries", onclick: earlier }, icon("back"));
    this.later = button("", { "data-do": "later", "aria-label": "later entries", onclick: later }, icon("on"));
    this.follow = button("", { "data-do": "follow", onclick: look(() => null) }, icon("end"), " Follow");
    this.follow.addEventListener("click", () => (this.stuck = true));
    this.range = html("span", { class: "rl-soft rl-range" });
    const legend = html(
      "h4",
      { title: LOOKS },
      "Logs — colour: term · dashed: not committed · ",
      html("i", { class: "rl-dot" }),
      " last applied",
    );
    this.look = html("span", { class: "rl-row rl-look" }, this.range, this.earlier, this.later, this.follow);
    root.append(html("div", { class: "rl-row rl-title" }, legend, html("span", { class: "rl-grow" }), this.look), this.scroll);
    this.fitted = ""; // for what the columns have their width; to measure makes the browser lay out the page, so seldom
    this.resizing = new ResizeObserver(() => this.fit());
    this.resizing.observe(this.scroll);
  }

  // Why is this entry not committed?
  ask(event) {
    const box = event.target.closest(".rl-open");
    if (!box) return;
    const server = box.closest("[data-log]").dataset.log;
    this.send({ do: "why", what: "entry", server, index: Number(box.parentNode.dataset.index) });
  }

  noteScroll() {
    this.stuck = this.scroll.scrollLeft + this.scroll.clientWidth > this.scroll.scrollWidth - NEAR_END_PX;
  }

  fit() {
    if (!this.state) return;
    const columns = this.state.last - this.state.first + 1;
    const before = HEAD_PX + (this.hasSnapshots ? SNAPSHOT_PX : 0);
    const fitting = Math.floor((this.scroll.clientWidth - before) / columns);
    const width = fitting < LEAST_PX ? MOST_PX : Math.min(MOST_PX, fitting); // where it must scroll anyway, it may as well be wide
    this.table.style.setProperty("--column", `${width}px`);
    this.table.style.width = `${before + columns * width}px`;
    if (this.stuck && this.state.follow) this.scroll.scrollLeft = this.scroll.scrollWidth;
  }

  update(state) {
    this.state = state;
    const indexes = Array.from({ length: state.last - state.first + 1 }, (_, offset) => state.first + offset);
    this.hasSnapshots = state.servers.some((server) => server.snapshot);
    put(this.table, { class: this.hasSnapshots ? "rl-has-snapshots" : null });
    keep(
      this.heads,
      ["", "snapshot", ...indexes],
      (index) => index,
      makeColumnHead,
      () => {},
    );
    keep(
      this.body,
      state.servers,
      (server) => server.id,
      makeLogRow,
      (node, server) => updateLogRow(node, server, state),
    );
    put(this.look, { hidden: state.end - state.begin < state.columns });
    put(this.range, { text: `${state.first}–${Math.min(state.last, state.end)} of ${state.end.toLocaleString("en")}` });
    put(this.follow, { "aria-pressed": String(state.follow) });
    allow(this.earlier, state.first === state.begin ? "the first entry is already shown" : "", "Earlier entries");
    allow(this.later, state.last >= state.end ? "the last entry is already shown" : "", "Later entries");
    const needs = `${state.first} ${state.last} ${this.hasSnapshots} ${state.follow}`;
    if (needs !== this.fitted) this.fit();
    this.fitted = needs;
  }

  stop() {
    this.resizing.disconnect();
  }
}

function makeColumnHead(index) {
  if (index === "") return html("td");
  return html("th", { scope: "col", class: index === "snapshot" ? "rl-snapshot" : null }, String(index));
}

export default part("log", (root, send) => new LogGrid(root, send));
