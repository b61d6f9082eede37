"use strict";
// Remote control of simulated television.

const remote = { source: -1 };

async function tellTelevision(wish) {
  const answer = await fetch("/television", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ source: view.chosen, ...wish }) }).catch(() => null);
  if (!answer?.ok) say("The television did not answer.");
}

function showTelevision() {
  const source = chosen();
  const facts = source?.facts.television;
  byId("television").hidden = !facts;
  byId("television-keys").textContent = facts ? ` · z zap · ${facts.shows.map((label) => `${label[0]} ${label}`).join(" · ")}` : "";
  if (!facts) return;
  if (remote.source !== view.chosen) {
    remote.source = view.chosen;
    const buttons = facts.shows.map((label) => {
      const button = make("button", { type: "button", "aria-keyshortcuts": label[0] }, `Show a ${shortened(label, 30)}`);
      button.addEventListener("click", () => tellTelevision({ do: "show", label }));
      return button;
    });
    byId("shows").replaceChildren(...buttons);
    showBetween();
  }
  const moment = shown(source);
  const told = byId("truth").checked && moment?.truth;
  const text = told ? `On now: ${moment.truth[0]}, on ${moment.truth[1]}` : "Which channel is on?";
  if (byId("on-air").textContent !== text) byId("on-air").textContent = text;
}

function showBetween() {
  const facts = chosen()?.facts.television;
  if (!facts) return;
  const rounds = facts.between !== null;
  byId("rounds").checked = rounds;
  if (rounds) byId("between").value = facts.between;
  byId("between").disabled = !rounds;
  byId("between-text").textContent = rounds ? `${several(facts.between, "unknown thing")} between` : "as it is broadcast";
}

function startTelevision() {
  const tell = () => tellTelevision({ do: "between", count: byId("rounds").checked ? Number(byId("between").value) : null });
  byId("zap").addEventListener("click", () => tellTelevision({ do: "zap" }));
  byId("rounds").addEventListener("change", tell);
  byId("between").addEventListener("input", () => (byId("between-text").textContent = `${several(Number(byId("between").value), "unknown thing")} between`));
  byId("between").addEventListener("change", tell);
  byId("truth").addEventListener("change", showTelevision);
}
