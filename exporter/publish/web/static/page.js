"use strict";
// Copies what stands beside a button. Without this script the buttons stay hidden, and one click
// on a command selects all of it.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  const before = button.textContent;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    button.textContent = (await copied(source)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = before; }, 2000);
  });
}

// The clipboard is there only over https and on the loopback; elsewhere the selection is copied.
async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
}

// Shows new results, unless somebody is in the middle of something or the exporter is away.
const live = document.querySelector("main[data-live]");
if (live) setInterval(refresh, 30000);

function busy() {
  const changed = (field) => field.value !== field.defaultValue && field.type === "search";
  const field = document.activeElement?.matches("input, select");
  return field || !getSelection().isCollapsed || [...document.querySelectorAll("input")].some(changed);
}

async function refresh() {
  if (document.hidden || busy()) return;
  try {
    const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" });
    if (answer.ok && !busy()) location.reload();
  } catch {
    document.title = `not refreshed: ${document.title.replace(/^not refreshed: /, "")}`;
  }
}

// On a narrow screen what is long stands folded.
if (matchMedia("(max-width: 40rem)").matches) {
  for (const each of document.querySelectorAll("details[data-fold]")) each.open = false;
}
