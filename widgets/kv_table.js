// The key-value stores: one row a key, one column a server. A value that just changed is shown so for a moment.

const FRESH_MS = 1400;
const KEY_PX = 88;
const COLUMN_PX = 50;

class KvTable {
  constructor(root, send) {
    this.filledOnce = false;
    const change = () => send({ do: "filter", text: filter.value });
    const filter = html("input", {
      type: "text",
      placeholder: "filter keys",
      "aria-label": "filter keys",
      "data-do": "filter",
      oninput: change,
    });
    const legend = html("h4", {}, "Stores — dashed: unlike the leader's · green: new");
    this.head = html("tr");
    this.body = html("tbody");
    this.applied = html("tr", { class: "rl-meta" });
    this.more = html("p", { class: "rl-soft rl-more", role: "status" });
    this.table = html("table", {}, html("thead", {}, this.head), this.body, html("tfoot", {}, this.applied));
    const scroll = html("div", { class: "rl-scroll", tabindex: "0", role: "region", "aria-label": "key-value stores" }, this.table);
    root.append(html("div", { class: "rl-row rl-title" }, legend, filter), scroll, this.more);
  }

  update(state) {
    const names = state.servers.map((server) => server.id);
    const crashed = new Set(state.servers.filter((server) => !server.alive).map((server) => server.id));
    const applied = new Map(state.servers.map((server) => [server.id, server.alive ? String(server.applied) : ""]));
    const makeHead = (name) => html("th", { scope: "col" }, name);
    keep(
      this.head,
      ["key", ...names],
      (name) => name,
      makeHead,
      (node, name) => updateHead(node, name, state.leader, crashed.has(name)),
    );
    keep(
      this.body,
      state.rows,
      (row) => row.title,
      makeKeyRow,
      (node, row) => updateKeyRow(node, row, names, crashed, this.filledOnce),
    );
    const makeApplied = (name) => html(applied.has(name) ? "td" : "th", { title: "index of the last applied entry" });
    keep(
      this.applied,
      ["applied", ...names],
      (name) => name,
      makeApplied,
      (node, name) => put(node, { text: applied.get(name) ?? name }),
    );
    put(this.more, { text: moreText(state), hidden: moreText(state) === "" });
    this.table.style.minWidth = `${KEY_PX + COLUMN_PX * names.length}px`;
    this.filledOnce = true;
  }
}

function moreText(state) {
  if (state.more > 0) return `+ ${state.more.toLocaleString("en")} more keys`;
  if (state.rows.length) return "";
  return state.filter ? "No key contains this text." : "No keys yet.";
}

function makeKeyRow(row) {
  return html("tr", { "data-key": row.title }, html("th", { scope: "row", title: row.title }, row.key));
}

function updateHead(node, name, leader, isCrashed) {
  const title = isCrashed ? "It crashed: its store was in memory, and is built again from its log." : null;
  put(node, { text: isCrashed ? `${name} ×` : name, class: isCrashed ? "rl-crashed" : name === leader ? "rl-leader" : null, title });
}

function updateKeyRow(node, row, columns, crashed, mayBeFresh) {
  const isNew = node.children.length === 1;
  row.cells.forEach((number, place) => {
    const isCrashed = crashed.has(columns[place]);
    const [text, title] = isCrashed ? ["", ""] : number === null ? ["–", ""] : row.values[number];
    const known = node.children[place + 1];
    const cell = known ?? node.appendChild(html("td", { "data-server-cell": columns[place] }));
    const changed = mayBeFresh && !isCrashed && (isNew ? number !== null : cell.title !== title);
    put(cell, { text, title, class: isCrashed ? "rl-crashed" : row.differs[place] ? "rl-differs" : null });
    if (changed) flash(cell);
  });
}

function flash(cell) {
  clearTimeout(cell.freshTimer);
  cell.dataset.fresh = "true";
  cell.freshTimer = setTimeout(() => delete cell.dataset.fresh, FRESH_MS);
}

export default part("kv", (root, send) => new KvTable(root, send));
