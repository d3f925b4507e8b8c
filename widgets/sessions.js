// Sessions, reads and the lease. All words come from the kernel, as text.

class Sessions {
  constructor(root) {
    this.lease = html("span", { class: "rl-lease" });
    this.bar = html("progress", { max: "1", "aria-label": "what is left of the leader's lease" });
    this.heading = html("h4", {}, "Sessions and reads");
    this.body = html("tbody");
    const names = ["client", "session", "latest", "expires in", "unlike the leader's"].map((name) => html("th", { scope: "col" }, name));
    this.table = html("table", {}, html("thead", {}, html("tr", {}, ...names)), this.body);
    this.empty = html("p", { class: "rl-soft" });
    this.reads = html("ol");
    const title = html("div", { class: "rl-row" }, this.heading, html("span", { class: "rl-grow" }), this.lease, this.bar);
    root.append(title, html("div", { class: "rl-both" }, html("div", {}, this.table, this.empty), this.reads));
  }

  update(state) {
    const lease = state.lease;
    put(this.heading, { title: state.said.sessions });
    put(this.lease, { text: lease ? `${lease.leader}'s lease: ${Math.ceil(lease.left_ms)} ms` : "no lease", title: state.said.lease });
    put(this.bar, { value: lease ? lease.share : 0, title: state.said.lease });
    keep(this.body, state.sessions, (row) => row.number, makeSession, updateSession);
    put(this.empty, {
      text: state.sessions.length ? (state.more ? `+ ${state.more} more` : "") : state.said.sessions,
      hidden: state.sessions.length > 0 && !state.more,
    });
    const lines = state.reads.length ? state.reads : ["No read has asked for an answer beside the log yet."];
    keep(
      this.reads,
      lines,
      (line) => line,
      (line) => html("li", { title: line }, line),
      () => {},
    );
  }
}

function makeSession(row) {
  return html("tr", { "data-session": row.number }, ...Array.from({ length: 5 }, () => html("td")));
}

function updateSession(node, row) {
  const seconds = `${(row.left_ms / 1000).toFixed(1)} s`;
  const texts = [row.client, String(row.number), String(row.sequence_num), seconds, row.unlike.join(" ") || "–"];
  texts.forEach((text, place) => put(node.children[place], { text }));
}

export default part("sessions", (root) => new Sessions(root));
