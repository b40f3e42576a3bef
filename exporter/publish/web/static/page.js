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
