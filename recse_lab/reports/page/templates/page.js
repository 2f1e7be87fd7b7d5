"use strict";
// Tables sort by a click on their headers and are filtered by a box; without this script they are plain tables.
const FILTERED_FROM = 4; // rows: less is seen at a glance

const text = (row, index) => row.cells[index].textContent.trim();

// The number a cell begins with, "<0.001" just below its bound; null for words.
function number(cell) {
  const found = /^(<?)([+\-−]?\d[\d,]*(?:\.\d+)?)/.exec(cell);
  if (!found) return null;
  const value = Number(found[2].replace("−", "-").replaceAll(",", ""));
  return found[1] ? value * 0.999 : value;
}

// Rows by a column, those without a value last either way.
function sorted(rows, index, numeric, sign) {
  const key = numeric ? (row) => number(text(row, index)) : (row) => text(row, index) || null;
  const compare = numeric ? (a, b) => a - b : (a, b) => a.localeCompare(b, "en", { numeric: true });
  return rows.map((row) => [key(row), row]).sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * compare(a, b);
  }).map(([, row]) => row);
}

function makeSortable(table) {
  const body = table.tBodies[0], original = [...body.rows], headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, index) => {
    const filled = original.map((row) => text(row, index)).filter(Boolean);
    if (!filled.length || !header.textContent.trim()) return;
    const numeric = filled.every((cell) => number(cell) !== null);
    const order = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const next = order[order.indexOf(header.getAttribute("aria-sort")) + 1];
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      if (next) header.setAttribute("aria-sort", next);
      body.append(...(next ? sorted(original, index, numeric, next === "ascending" ? 1 : -1) : original));
    });
  });
}

function makeFiltered(table) {
  const rows = [...table.tBodies[0].rows];
  const line = document.createElement("div"), box = document.createElement("input"), count = document.createElement("span");
  line.className = "filter";
  box.type = "search";
  box.placeholder = "Filter rows";
  box.setAttribute("aria-label", `Filter rows of ${table.caption ? table.caption.textContent : "this table"}`);
  count.setAttribute("role", "status");
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => {
      const cells = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => cells.includes(word));
    });
    const left = rows.filter((row) => !row.hidden).length;
    count.textContent = words.length ? `${left} of ${rows.length} rows` : "";
  });
  line.append(box, count);
  (table.closest(".scroll") || table).before(line);
}

for (const table of document.querySelectorAll("main table")) {
  if (!table.tHead || !table.tBodies.length) continue;
  if (!table.closest(".scroll")) {
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    table.replaceWith(scroll);
    scroll.append(table);
  }
  makeSortable(table);
  if (table.tBodies[0].rows.length >= FILTERED_FROM) makeFiltered(table);
}

// Contents: closed on a narrow screen until asked for; the part being read is marked.
const contents = document.getElementById("contents");
if (contents) {
  const narrow = matchMedia("(max-width: 71.99rem)");
  const fold = () => { contents.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  contents.addEventListener("click", (event) => {
    if (narrow.matches && event.target.closest("a")) contents.open = false;
  });
  const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  document.querySelectorAll("article").forEach((article) => seen.observe(article));
}

// What is folded is printed too.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
