// A button beside each command copies it; a link into folded evidence unfolds it.

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { readonly: "", class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

document.querySelectorAll(".command").forEach((box) => {
  const button = element("button", { type: "button", class: "copy" }, "Copy");
  const said = element("span", { class: "unseen", role: "status" });
  button.addEventListener("click", async () => {
    const done = await copied(box.querySelector("code").textContent);
    button.textContent = done ? "Copied" : "Select and copy by hand";
    said.textContent = done ? "The command is on the clipboard." : "";
    button.focus();
    setTimeout(() => { button.textContent = "Copy"; said.textContent = ""; }, 2500);
  });
  box.append(button, said);
});

function unfold() {
  let target = null;
  try {
    target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return;
  }
  if (!target || !target.matches(".prediction")) return;
  const folded = target.querySelector("details.evidence");
  if (folded) folded.open = true;
}
addEventListener("hashchange", unfold);
unfold();

// Escape folds the innermost open evidence that holds the focus.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.target.closest(".canvas, input")) return;
  const open = event.target.closest("details[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
