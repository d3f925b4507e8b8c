// The laws: a few by name, the others behind a button; then what was broken, with its evidence, and what has not come to be; then the answer
// to a question.

const NAMED = 4;
const SIGNS = { holds: "✓", broken: "✗", idle: "–", ahead: "→", unknown: "?", waits: "○" };
const SPOKEN = { holds: "holds", broken: "is broken", idle: "is not exercised", unknown: "is not decided", waits: "is judged at each pause" };
const inMs = (at_ms) => `${Math.floor(at_ms).toLocaleString("en")} ms`; // as the clock says it

class ChecksStrip {
  constructor(root, send) {
    this.send = send;
    this.state = null;
    this.all = false;
    this.laws = html("ul", { class: "rl-row", "aria-label": "laws" });
    this.more = button("", { "data-do": "more-laws", onclick: () => this.toggle() });
    this.history = makeLaw();
    const history = html("ul", { class: "rl-row", "aria-label": "what clients saw" }, this.history);
    this.broken = html("div", { role: "group", "aria-label": "what is broken" }); // the status line speaks of it
    this.overdue = html("div", { class: "rl-overdue", role: "status", hidden: true }, html("p", {}, html("b"), html("span")));
    this.unjudged = html("div", { role: "group", "aria-label": "what is not judged" });
    this.asked = null; // what is answered
    this.question = html("b");
    this.answer = html("span");
    const away = () => send({ do: "why", what: null });
    const close = button("", { class: "rl-plain", "data-do": "why-away", "aria-label": "Put the answer away", title: "Put away", onclick: away }, icon("close"));
    this.why = html("div", { class: "rl-why", role: "status", hidden: true }, html("p", {}, this.question, " ", this.answer), close);
    root.append(html("div", { class: "rl-row rl-laws" }, this.laws, this.more, html("span", { class: "rl-grow" }), history), this.broken, this.overdue, this.unjudged, this.why);
  }

  toggle() {
    this.all = !this.all;
    this.show();
  }

  show() {
    const { laws, broken, unjudged } = this.state;
    const shown = laws.filter((law, place) => this.all || place < NAMED || law.state === "broken" || law.state === "ahead");
    keep(this.laws, shown, (law) => law.name, makeLaw, updateLaw);
    const hidden = laws.length - shown.length;
    const idle = laws.filter((law) => !shown.includes(law) && law.state === "idle").length;
    const more = `+ ${hidden} more${idle ? `, ${idle} not exercised` : ""}`;
    put(this.more, { text: this.all ? "fewer" : more, hidden: laws.length <= NAMED || (!this.all && hidden === 0), "aria-expanded": String(this.all) });
    keep(
      this.broken,
      broken,
      (it) => `${it.property} ${it.at_ms}`,
      (it) => this.makeBroken(it),
      () => {},
    );
    keep(
      this.unjudged,
      unjudged ? [unjudged] : [],
      (it) => `${it.title} ${it.sentence}`,
      (it) => this.makeUnjudged(it),
      () => {},
    );
  }

  makeBroken(it) {
    return html("div", { class: "rl-violation", "data-property": it.property }, icon("warn"), html("p", {}, html("b", {}, `${it.property}, at ${inMs(it.at_ms)}:`), ` ${it.sentence}`), this.makeEvidence(it));
  }

  makeUnjudged(it) {
    const evidence = it.events.length ? [this.makeEvidence(it)] : [];
    return html("div", { class: "rl-unjudged" }, html("p", {}, html("b", {}, `${it.title}:`), ` ${it.sentence}`), ...evidence);
  }

  makeEvidence(it) {
    const places = it.events.map(({ position, at_ms, text }) => {
      return button(inMs(at_ms), { "data-position": position, title: `Go there: ${text}`, onclick: () => this.send({ do: "go", position }) });
    });
    return html("span", { class: "rl-row rl-evidence" }, html("span", { class: "rl-soft" }, "see"), ...places);
  }

  update(state) {
    this.state = state;
    updateLaw(this.history, state.history);
    this.show();
    const { overdue } = state;
    put(this.overdue, { hidden: !overdue });
    if (overdue) {
      const [title, sentence] = this.overdue.firstChild.children;
      put(title, { text: `${overdue.title}: ` });
      put(sentence, { text: overdue.sentence });
    }
    put(this.why, { hidden: state.why === null });
    const asked = state.why?.question ?? null;
    const isNew = asked !== this.asked;
    this.asked = asked;
    if (asked === null) return;
    put(this.question, { text: asked });
    put(this.answer, { text: state.why.answer });
    if (isNew) this.why.scrollIntoView({ block: "nearest" }); // it may have been asked far above
  }
}

function makeLaw() {
  return html("li", {}, html("i", { "aria-hidden": "true" }), html("span"));
}

function updateLaw(node, law) {
  const ahead = law.state === "ahead" ? `is broken at ${inMs(law.at_ms)}` : "";
  put(node, { "data-law": law.name, class: `rl-law rl-${law.state}`, title: law.about, "aria-label": `${law.name} ${ahead || SPOKEN[law.state]}` });
  put(node.firstChild, { text: SIGNS[law.state] });
  const idle = law.state === "idle" ? ": not exercised" : "";
  put(node.lastChild, { text: ahead ? `${law.name} ${ahead}` : `${law.name}${idle}` });
}

export default part("checks", (root, send) => new ChecksStrip(root, send));
