// The logs: one row a server, one column an index. The kernel sends a window; here it scrolls, and asks for another one.

const ROLE_LETTERS = { leader: "L", candidate: "C", follower: "F" };
const NEAR_END_PX = 40;
const HEAD_PX = 92;
const LEAST_PX = 44;
const MOST_PX = 62;

class LogGrid {
  constructor(root, send) {
    this.state = null;
    this.stuck = true; // Where the person has scrolled away from the end, new entries do not pull the window along.
    this.heads = html("tr");
    this.body = html("tbody");
    this.table = html("table", {}, html("thead", {}, this.heads), this.body);
    this.scroll = html(
      "div",
      { class: "rl-scroll", tabindex: "0", role: "region", "aria-label": "logs", onscroll: () => this.noteScroll() },
      this.table,
    );
    const look = (from) => () => send({ do: "window", from: from() });
    const half = () => Math.floor(this.state.columns / 2);
    const earlier = look(() => Math.max(1, this.state.first - half()));
    const later = look(() => this.state.first + half());
    this.earlier = button("", { "data-do": "earlier", "aria-label": "earlier entries", onclick: earlier }, icon("back"));
    this.later = button("", { "data-do": "later", "aria-label": "later entries", onclick: later }, icon("on"));
    this.follow = button("", { "data-do": "follow", onclick: look(() => null) }, icon("end"), " Follow");
    this.follow.addEventListener("click", () => (this.stuck = true));
    this.range = html("span", { class: "rl-soft rl-range" });
    const legend = html(
      "h4",
      {},
      "Logs — colour: term · dashed: not committed · ",
      html("i", { class: "rl-dot" }),
      " last applied",
    );
    this.look = html("span", { class: "rl-row rl-look" }, this.range, this.earlier, this.later, this.follow);
    root.append(html("div", { class: "rl-row rl-title" }, legend, html("span", { class: "rl-grow" }), this.look), this.scroll);
    this.resizing = new ResizeObserver(() => this.fit());
    this.resizing.observe(this.scroll);
  }

  noteScroll() {
    this.stuck = this.scroll.scrollLeft + this.scroll.clientWidth > this.scroll.scrollWidth - NEAR_END_PX;
  }

  fit() {
    if (!this.state) return;
    const columns = this.state.last - this.state.first + 1;
    const fitting = Math.floor((this.scroll.clientWidth - HEAD_PX) / columns);
    const width = fitting < LEAST_PX ? MOST_PX : Math.min(MOST_PX, fitting); // where it must scroll anyway, it may as well be wide
    this.table.style.setProperty("--column", `${width}px`);
    this.table.style.width = `${HEAD_PX + columns * width}px`;
    if (this.stuck && this.state.follow) this.scroll.scrollLeft = this.scroll.scrollWidth;
  }

  update(state) {
    this.state = state;
    const indexes = Array.from({ length: state.last - state.first + 1 }, (_, offset) => state.first + offset);
    const makeHead = (index) => html(index === "" ? "td" : "th", { scope: index === "" ? null : "col" }, String(index));
    keep(
      this.heads,
      ["", ...indexes],
      (index) => index,
      makeHead,
      () => {},
    );
    keep(
      this.body,
      state.servers,
      (server) => server.id,
      makeLogRow,
      (node, server) => updateLogRow(node, server, state),
    );
    put(this.look, { hidden: state.end <= state.columns });
    put(this.range, { text: `${state.first}–${Math.min(state.last, state.end)} of ${state.end.toLocaleString("en")}` });
    put(this.follow, { "aria-pressed": String(state.follow) });
    allow(this.earlier, state.first === 1 ? "the first entry is already shown" : "", "Earlier entries");
    allow(this.later, state.last >= state.end ? "the last entry is already shown" : "", "Later entries");
    this.fit();
  }

  stop() {
    this.resizing.disconnect();
  }
}

function makeLogRow(server) {
  const name = html("span", { class: "rl-badge" }, server.id);
  const role = html("small");
  const row = html("tr", { "data-log": server.id }, html("th", { scope: "row" }, name, " ", role));
  row.cellNodes = new Map();
  return row;
}

function updateLogRow(row, server, state) {
  const head = row.firstChild;
  put(row, { class: server.alive ? null : "rl-crashed" });
  put(head.firstChild, { class: server.alive && server.role === "leader" ? "rl-badge rl-lead" : "rl-badge" });
  put(head.lastChild, { text: headText(server) });
  const columns = Array.from({ length: state.last - state.first + 1 }, (_, offset) => offset);
  for (const [index, node] of row.cellNodes) {
    if (index < state.first || index > state.last) {
      node.remove();
      row.cellNodes.delete(index);
    }
  }
  columns.forEach((offset) =>
    updateCell(cellAt(row, state.first + offset, offset), state.first + offset, server, state.entries[server.cells[offset]]),
  );
}

function headText(server) {
  if (!server.alive) return "crashed";
  return `${ROLE_LETTERS[server.role]} · t${server.term}${server.paused ? " · paused" : ""}`;
}

function cellAt(row, index, offset) {
  if (!row.cellNodes.has(index)) {
    const box = html("div", { class: "rl-entry" }, html("b"), html("span"));
    const cell = html("td", { "data-index": index }, box, html("i", { class: "rl-dot" }), html("div", { class: "rl-marks" }));
    row.cellNodes.set(index, cell);
  }
  const cell = row.cellNodes.get(index);
  if (row.children[offset + 1] !== cell) row.insertBefore(cell, row.children[offset + 1] ?? null);
  return cell;
}

// Of a crashed server the commit index is gone, as it should be, but what its disk holds is not: nothing may look lost that is not.
function standing(index, server) {
  if (server.alive) return index <= server.commit ? [true, "committed"] : [false, "not committed"];
  return index <= server.synced ? [true, "kept on its disk"] : [false, "not synced when it crashed: may be lost"];
}

function updateCell(cell, index, server, entry) {
  const [box, dot, marks] = cell.children;
  const [solid, said] = standing(index, server);
  put(box, {
    class: entry ? `rl-entry ${termClass(entry[0])}${solid ? "" : " rl-open"}` : "rl-entry rl-none",
    title: entry ? `${index}: ${entry[2]}, ${said}` : null,
  });
  put(box.firstChild, { text: entry ? String(entry[0]) : "" });
  put(box.lastChild, { text: entry ? entry[1] : "" });
  put(dot, { hidden: index !== server.applied, title: "last applied" });
  const mark = index === server.match ? "match" : index === server.next ? "next" : "";
  put(marks, { text: mark, title: mark ? `the leader's ${mark}Index for ${server.id}` : null });
}

export default part("log", (root, send) => new LogGrid(root, send));
