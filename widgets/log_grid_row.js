// One server's row of the logs: its name and state, its snapshot, and a cell for each index of the window.

const ROLE_LETTERS = { leader: "L", candidate: "C", follower: "F" };
const BEFORE_CELLS = 2; // the name and the snapshot

function makeLogRow(server) {
  const name = html("span", { class: "rl-badge" }, server.id);
  const head = html("th", { scope: "row" }, name, html("i", { class: "rl-sending" }), html("small"));
  const block = html("div", { class: "rl-entry rl-block" }, html("b"), html("span"));
  const row = html("tr", { "data-log": server.id }, head, html("td", { class: "rl-snapshot" }, block));
  row.cellNodes = new Map();
  return row;
}

function updateLogRow(row, server, state) {
  const violated = state.violated?.includes(server.id);
  put(row, { class: [server.alive ? "" : "rl-crashed", violated ? "rl-violated" : ""].filter(Boolean).join(" ") || null });
  updateHead(row.children[0], server);
  updateBlock(row.children[1].firstChild, server, state.first);
  for (const [index, node] of row.cellNodes) {
    if (index < state.first || index > state.last) {
      node.remove();
      row.cellNodes.delete(index);
    }
  }
  for (let index = state.first; index <= state.last; index += 1) {
    const cell = cellAt(row, index, index - state.first);
    const broken = state.evidence?.[server.id]?.[index]; // a recorded page has none
    updateCell(cell, index, server, state.entries[server.cells[index - server.from]], { mayAsk: state.asks, broken });
  }
}

function updateHead(head, server) {
  const [name, sending, said] = head.children;
  put(name, { class: server.alive && server.role === "leader" ? "rl-badge rl-lead" : "rl-badge" });
  put(sending, { text: server.sending, title: server.sent || null });
  put(said, { text: headText(server), title: server.halted || null });
}

function headText(server) {
  if (!server.alive) return server.halted ? "halted" : "crashed";
  return `${ROLE_LETTERS[server.role]} · t${server.term}${server.paused ? " · paused" : ""}`;
}

// The block stands for all that is compacted. Where entries lie between it and the window, its open edge says so.
function updateBlock(block, server, first) {
  const snapshot = server.snapshot;
  const apart = snapshot && snapshot.index < first - 1;
  put(block, {
    hidden: !snapshot,
    class: snapshot ? `rl-entry rl-block ${termClass(snapshot.term)}${apart ? " rl-apart" : ""}` : "rl-entry rl-block",
    title: snapshot ? snapshot.said : null,
    "data-snapshot": snapshot ? snapshot.index : null,
  });
  if (!snapshot) return;
  put(block.firstChild, { text: `to ${snapshot.index.toLocaleString("en")}` });
  put(block.lastChild, { text: [`t${snapshot.term}`, snapshot.size].filter(Boolean).join(" · ") });
}

function cellAt(row, index, offset) {
  if (!row.cellNodes.has(index)) {
    const box = html("div", { class: "rl-entry" }, html("b"), html("span"));
    const cell = html("td", { "data-index": index }, box, html("i", { class: "rl-dot" }), html("div", { class: "rl-marks" }));
    row.cellNodes.set(index, cell);
  }
  const cell = row.cellNodes.get(index);
  const place = row.children[offset + BEFORE_CELLS] ?? null;
  if (place !== cell) row.insertBefore(cell, place);
  return cell;
}

// Of a crashed server the commit index is gone, as it should be, but what its disk holds is not: nothing may look lost that is not.
function standing(index, server) {
  if (server.alive && index <= server.commit) return [true, "committed"];
  if (server.alive) return [false, index <= server.synced ? "not committed" : "not committed, and not yet synced"];
  return index <= server.synced ? [true, "kept on its disk"] : [false, "not synced when it crashed: a power failure may have taken it"];
}

// broken: the laws of which this entry shows that they are broken, if there are any.
function updateCell(cell, index, server, entry, { mayAsk, broken }) {
  const [box, dot, marks] = cell.children;
  const asks = mayAsk && entry && !isCompacted(index, server) && !standing(index, server)[0]; // a recorded page has nobody to ask
  const shows = entry && broken ? `, part of a violation: ${broken.join(", ")}` : "";
  const look = `${boxClass(index, server, entry)}${shows && " rl-shows"}`;
  put(box, { class: look, title: `${boxTitle(index, server, entry)}${shows}${asks ? " — click: why?" : ""}` });
  put(box, { role: asks ? "button" : null, tabindex: asks ? "0" : null, "data-lm-suppress-shortcuts": asks ? "true" : null });
  put(box, { "aria-label": asks ? `entry ${index} of ${server.id} is not committed: why?${shows}` : null });
  put(box.firstChild, { text: entry ? String(entry[0]) : "" });
  put(box.lastChild, { text: entry ? entry[1] : "" });
  put(dot, { hidden: index !== server.applied, title: "last applied" });
  const mark = index === server.match ? "match" : index === server.next ? "next" : "";
  put(marks, { text: mark, title: mark ? `the leader's ${mark}Index for ${server.id}` : null });
}

function isCompacted(index, server) {
  return server.snapshot !== null && index <= server.snapshot.index;
}

function boxClass(index, server, entry) {
  if (isCompacted(index, server)) return `rl-entry rl-compacted${index === server.snapshot.index ? " rl-ends" : ""}`;
  if (!entry) return "rl-entry rl-none";
  const [term, , , look] = entry;
  return ["rl-entry", termClass(term), look && `rl-is-${look}`, standing(index, server)[0] ? "" : "rl-open"].filter(Boolean).join(" ");
}

function boxTitle(index, server, entry) {
  if (isCompacted(index, server)) return `${index}: compacted. ${server.snapshot.said}`;
  return entry ? `${index}: ${entry[2]} (${standing(index, server)[1]})` : "";
}
