// Filters the table of evidence by words: a row stays when it holds all of them.

function filterEvidence() {
  const table = document.getElementById("evidence-table");
  const box = document.getElementById("evidence-filter");
  if (!table || !box) return;
  const field = box.querySelector("input");
  const count = box.querySelector("output");
  const rows = [...table.tBodies[0].rows];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  function filter() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      if (!row.hidden) shown += 1;
    });
    count.textContent = `${shown} of ${rows.length} rows`;
  }
  field.addEventListener("input", filter);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    field.value = "";
    filter();
  });
  box.hidden = false;
  filter();
}
filterEvidence();
