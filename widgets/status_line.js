// The line in words: the latest notice, which can be put away, why a key did nothing, and what matters about the cluster.

const REFUSAL_MS = 5000;

function makeQuestion(send) {
  const words = html("span");
  const yes = button("Fork and do it", { "data-do": "fork-and-do", class: "rl-main", onclick: () => send({ do: "fork" }) });
  const no = button("No", { "data-do": "leave-it", onclick: () => send({ do: "dismiss" }) });
  const node = html("div", { class: "rl-question", role: "alert", hidden: true }, words, yes, no);

  function ask(text) {
    put(words, { text });
    hide(node, text === "");
  }

  return { node, ask };
}

// A fork that takes its time: how far it is, and a way to stop it.
function makeForking(send) {
  const words = html("span");
  const bar = html("progress", { max: 1, "aria-label": "how much of the fork is made" });
  const stop = button("Stop", { "data-do": "give-up", onclick: () => send({ do: "give-up" }) });
  const node = html("div", { class: "rl-forking", role: "status", hidden: true }, words, bar, stop);

  function show(forking) {
    hide(node, forking === null);
    if (forking === null) return;
    put(words, { text: forking.words });
    bar.value = forking.share;
  }

  return { node, show };
}

function makeNotice(send) {
  const words = html("span");
  const label = { "data-do": "dismiss", "aria-label": "Dismiss this message", title: "Dismiss", class: "rl-plain" };
  const dismiss = button("", { ...label, onclick: () => putAway() }, icon("close"));
  const node = html("div", { class: "rl-notice", role: "alert", hidden: true }, icon("warn"), words, dismiss);
  let shown = "";

  function putAway() {
    hide(node, true);
    send({ do: "dismiss" });
  }

  function tell(text) {
    if (text === shown) return;
    shown = text;
    put(words, { text });
    hide(node, text === "");
  }

  return { node, tell };
}

function startStatusLine(root, send) {
  const question = makeQuestion(send);
  const forking = makeForking(send);
  const notice = makeNotice(send);
  const headline = html("b");
  const text = html("span");
  const spoken = { role: "status", "aria-live": "polite" };
  const ask = () => send({ do: "why", what: "leader" });
  const why = button("Why?", { class: "rl-ask", "data-do": "why-leader", title: "Why does nobody lead with a majority?", onclick: ask });
  const line = html("div", { class: "rl-line", ...spoken }, headline, " ", text, " ", why);
  const refusal = html("div", { class: "rl-refusal rl-soft", ...spoken });
  const note = html("div", { class: "rl-note", ...spoken, hidden: true });
  root.append(question.node, forking.node, notice.node, note, refusal, line);
  let timer = 0;
  root.addEventListener("rl-refused", (event) => {
    clearTimeout(timer);
    put(refusal, { text: event.detail });
    timer = setTimeout(() => put(refusal, { text: "" }), REFUSAL_MS);
  });

  function update(state) {
    question.ask(state.question);
    forking.show(state.forking);
    notice.tell(state.notice);
    put(note, { text: state.note, hidden: state.note === "" });
    put(headline, { text: state.headline });
    put(text, { text: state.text });
    put(why, { hidden: !state.leaderless });
    line.classList.toggle("rl-alarm", state.alarming);
  }

  return { update, stop: () => clearTimeout(timer) };
}

export default part("status", startStatusLine);
