// What can happen next, each as a button. All words come from the kernel, as text.

class Choices {
  constructor(root, send) {
    this.send = send;
    this.back = html("button", { type: "button", class: "rl-button", onclick: () => send({ do: "back" }) }, icon("back"), "Take back");
    this.violation = html("p", { class: "rl-violation", role: "alert" });
    this.notice = html("p", { class: "rl-soft", role: "status" });
    this.list = html("ul", { "aria-label": "what can happen next" });
    this.said = html("ol", { "aria-label": "what was chosen" });
    this.path = html("code");
    const title = html("div", { class: "rl-row" }, html("h4", {}, "What happens next?"), html("span", { class: "rl-grow" }), this.back);
    const past = html("div", {}, html("h4", {}, "So far"), this.said, html("p", { class: "rl-soft" }, "path ", this.path));
    root.append(title, this.violation, this.notice, html("div", { class: "rl-both" }, this.list, past));
  }

  update(state) {
    put(this.back, { disabled: state.said.length === 0 });
    put(this.violation, { text: state.violation, hidden: !state.violation });
    put(this.notice, { text: state.notice, hidden: !state.notice });
    put(this.path, { text: state.path });
    const choices = state.choices.map((words, index) => ({ words, index }));
    keep(
      this.list,
      choices,
      (choice) => choice.index,
      (choice) => html("li", {}, html("button", { type: "button", onclick: () => this.send({ do: "choose", index: choice.index }) })),
      (node, choice) => put(node.firstChild, { text: choice.words }),
    );
    const said = state.said.map((words, index) => ({ words, index }));
    keep(
      this.said,
      said,
      (choice) => choice.index,
      () => html("li"),
      (node, choice) => put(node, { text: choice.words }),
    );
  }
}

export default part("choices", (root, send) => new Choices(root, send));
