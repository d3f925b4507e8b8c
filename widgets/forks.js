// The tree of runs: a line for each, from where it parted to its end, on one axis of time. A click on a name chooses that run.

class Forks {
  constructor(root, send) {
    this.root = root;
    this.send = send;
    this.rows = html("div", { class: "rl-fork-rows", role: "group", "aria-label": "runs" });
    this.moment = html("div", { class: "rl-fork-moment" });
    this.words = html("span");
    this.events = html("div", { class: "rl-mono rl-soft rl-fork-events" });
    this.there = button("Go there", { "data-do": "go-parted", onclick: () => send({ do: "go", at_ms: this.parted.at_ms }) });
    this.alone = button("Show one run", { "data-do": "alone", onclick: () => send({ do: "alone" }) });
    const said = html("div", { class: "rl-row", role: "status" }, this.words, this.there, html("span", { class: "rl-grow" }), this.alone);
    this.said = html("div", { class: "rl-fork-said" }, said, this.events);
    root.append(this.rows, this.said);
  }

  update({ lines, chosen, beside, parted, now_ms }) {
    hide(this.root, lines.length === 0);
    if (lines.length === 0) return;
    const end = Math.max(1, ...lines.map((line) => line.end_ms));
    const share = (ms) => `${(100 * ms) / end}%`;
    const order = lines.map((line) => line.number);
    keep(
      this.rows,
      lines,
      (line) => line.number,
      (line) => this.makeRow(line),
      (row, line) => {
        const shown = line.number === chosen ? "left" : line.number === beside ? "right" : "";
        const up = line.parent === null ? 0 : order.indexOf(line.number) - order.indexOf(line.parent);
        const marked = shown && parted?.at_ms != null;
        put(row, { class: `rl-fork-row ${shown ? `rl-fork-${shown}` : ""}` });
        put(row, {
          style: `--begin: ${share(line.at_ms)}; --end: ${share(line.end_ms)}; --now: ${share(Math.min(now_ms, line.end_ms))}; --up: ${up}; --parted: ${marked ? share(parted.at_ms) : 0}`,
        });
        put(row.choose, { "aria-pressed": String(line.number === chosen), title: rowTitle(line, shown) });
        put(row.place, { text: beside === null ? "" : shown });
        put(row.mark, { hidden: !marked });
      },
    );
    this.tell(parted, beside);
  }

  makeRow(line) {
    const choose = button(line.name, { "data-run": line.number, onclick: () => this.send({ do: "choose", run: line.number }) });
    const place = html("span", { class: "rl-soft rl-fork-place" });
    const mark = html("span", { class: "rl-fork-mark", title: "here the two runs first differ" });
    const track = html("div", { class: "rl-fork-track" }, html("i", { class: "rl-fork-stem" }), html("i", { class: "rl-fork-line" }), html("i", { class: "rl-fork-now" }), mark);
    return Object.assign(html("div", { class: "rl-fork-row" }, choose, place, track), { choose, place, mark });
  }

  tell(parted, beside) {
    this.parted = parted;
    hide(this.said, beside === null);
    if (!parted) return;
    put(this.words, { text: parted.words });
    put(this.there, { hidden: parted.at_ms === null });
    put(this.events, { text: parted.events.join("\n") });
  }
}

function rowTitle(line, shown) {
  const from = line.parent === null ? "from the beginning" : `parted from run ${line.parent} at ${Math.floor(line.at_ms).toLocaleString("en")} ms`;
  return `${line.name}: ${from}, has come to ${Math.floor(line.end_ms).toLocaleString("en")} ms${shown ? "; it is shown" : "; click to show it"}`;
}

export default part("forks", (root, send) => new Forks(root, send));
