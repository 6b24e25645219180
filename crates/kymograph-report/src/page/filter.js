// Filters the table of evidence by words: a row stays when it holds all of them.
(function () {
  var table = document.getElementById("evidence-table");
  var box = document.getElementById("evidence-filter");
  if (!table || !box) return;
  var field = box.querySelector("input");
  var count = box.querySelector("output");
  var rows = Array.prototype.slice.call(table.tBodies[0].rows);
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  box.hidden = false;
  function filter() {
    var words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0;
    rows.forEach(function (row, i) {
      var keep = words.every(function (word) { return texts[i].indexOf(word) !== -1; });
      row.hidden = !keep;
      if (keep) shown += 1;
    });
    count.textContent = shown + " of " + rows.length + " rows";
  }
  field.addEventListener("input", filter);
  filter();
})();
