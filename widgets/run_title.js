// The name of a run above its column. What stands below both columns, commands, timeline and events, belongs to the chosen one.

function startRunTitle(root, send) {
  const name = html("b");
  const at = html("span", { class: "rl-mono rl-soft" });
  let run = null;
  const choose = button("Choose", {
    "data-do": "choose",
    title: "Let commands, timeline and events be about this run",
    onclick: () => send({ do: "choose", run }),
  });
  const chosen = html("span", { class: "rl-soft", title: "Commands, timeline and events are about this run" }, "chosen");
  root.append(html("div", { class: "rl-row" }, name, at, html("span", { class: "rl-grow" }), choose, chosen));

  function update(state) {
    run = state.run;
    hide(root, !state.shown);
    if (!state.shown) return;
    put(name, { text: state.name });
    put(at, { text: state.at });
    hide(choose, state.chosen);
    put(chosen, { hidden: !state.chosen });
  }

  return { update };
}

export default part("run-title", startRunTitle);
