// The latest events as lines, newest first, filtered by kind and by server. The kernel sends the words; the filter stays here.

const MOST_SHOWN = 120;

class EventFeed {
  constructor(root, send) {
    this.send = send;
    this.state = null;
    this.hidden = new Set();
    this.kinds = html("div", { class: "rl-row rl-kinds", role: "group", "aria-label": "kinds of events" });
    const everyone = html("option", { value: "" }, "all servers");
    this.servers = html("select", { "aria-label": "server", "data-field": "server", onchange: () => this.show() }, everyone);
    this.list = html("ol", {
      class: "rl-mono",
      tabindex: "0",
      "aria-label": "events, newest first; arrows choose one, Enter goes there",
      onkeydown: (event) => this.walk(event),
    });
    const filters = [html("span", { class: "rl-grow" }), this.servers, this.kinds];
    root.append(html("div", { class: "rl-row rl-title" }, html("h4", {}, "Events"), ...filters), this.list);
  }

  makeKind(kind) {
    const node = button(kind, { "data-kind": kind, "aria-pressed": "true", onclick: () => this.toggle(kind, node) });
    return node;
  }

  toggle(kind, node) {
    if (!this.hidden.delete(kind)) this.hidden.add(kind);
    put(node, { "aria-pressed": String(!this.hidden.has(kind)) });
    this.show();
  }

  show() {
    const who = this.servers.value;
    const lines = this.state.lines.filter((line) => !this.hidden.has(line.kind) && (who === "" || line.who.includes(who)));
    keep(
      this.list,
      lines.slice(0, MOST_SHOWN),
      (line) => `${line.n} ${line.text}`, // in another run another event has this number
      (line) => this.makeLine(line),
      () => {},
    );
  }

  makeLine(line) {
    const at = Math.floor(line.at_ms).toLocaleString("en");
    const go = () => this.send({ do: "go", position: line.n });
    const place = button("", { tabindex: "-1", title: `Go to this moment: ${line.text}`, onclick: go }, html("span", { class: "rl-at" }, at), line.text);
    if (!line.refused) return html("li", { "data-kind": line.kind }, place);
    const ask = () => this.send({ do: "why", what: "event", position: line.n });
    const why = button("Why?", { tabindex: "-1", class: "rl-ask", "data-do": "why-event", title: "Which rule says so?", onclick: ask });
    return html("li", { "data-kind": line.kind }, place, why);
  }

  // One stop for Tab; within the list the arrows walk.
  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const places = [...this.list.querySelectorAll("button")];
    places[Math.max(0, places.indexOf(document.activeElement) + step)]?.focus();
    event.preventDefault();
  }

  update(state) {
    this.state = state;
    keep(
      this.kinds,
      state.kinds,
      (kind) => kind,
      (kind) => this.makeKind(kind),
      () => {},
    );
    offer(this.servers, state.servers);
    this.show();
  }
}

export default part("events", (root, send) => new EventFeed(root, send));
