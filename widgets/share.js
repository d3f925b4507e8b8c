// What a person can make of the moment that is shown: a fork of the run.

const FORK_TITLE = "Make a second run that goes on from this moment; this one stays as it is";

function makeShare(send) {
  const fork = button("Fork here", { "data-do": "fork", title: FORK_TITLE, onclick: () => send({ do: "fork" }) });
  return { node: html("div", { class: "rl-row rl-share" }, fork) };
}
