/* A click on a box of an explorable's drawing picks it in the list beside it. The list itself needs no script of
   ours, neither for the mouse nor for the keyboard. */
document.addEventListener("click", (event) => {
  const box = event.target instanceof Element && event.target.closest(".camp-explorer [data-pick]");
  if (!box) return;
  const list = box.closest(".camp-explorer").querySelector("select");
  list.selectedIndex = Number(box.dataset.pick);
  list.dispatchEvent(new Event("change", { bubbles: true }));
});

/* The widget manager asks MathJax 2 to set formulas in labels. The book has MathJax 3: hand the request over. */
document.addEventListener("DOMContentLoaded", () => {
  if (!window.MathJax || window.MathJax.Hub) return;
  window.MathJax.Hub = { Queue: ([, , element]) => window.MathJax.typesetPromise?.([element].flat()) };
});

/* What widgets leave out for screen readers: a slider's name and value, and that the picture beside a control
   changes with it. */
const describeWidgets = (explorer) => {
  for (const handle of explorer.querySelectorAll(".noUi-handle")) {
    const slider = handle.closest(".widget-hslider");
    const readout = slider.querySelector(".widget-readout");
    const tell = () => handle.setAttribute("aria-valuetext", readout.textContent);
    readout.removeAttribute("contenteditable");
    handle.setAttribute("aria-label", slider.querySelector(".widget-label").textContent);
    new MutationObserver(tell).observe(readout, { childList: true });
    tell();
  }
  explorer.querySelector(".camp-shown").setAttribute("aria-live", "polite");
  explorer.dataset.ready = "";
};

/* A wide diagram is not shrunk until nobody can read it: from three fifths of its size it scrolls. A small one is not
   blown up. Drawn anew in another theme, it is a new element. */
const sizeDiagrams = () => {
  for (const drawing of document.querySelectorAll("pre.mermaid svg")) {
    const { width } = drawing.viewBox.baseVal;
    if (!width || drawing.style.minWidth) continue;
    drawing.style.minWidth = `${Math.round(0.61 * width)}px`;
    drawing.style.width = `min(100%, ${Math.round(width)}px)`;
  }
  reachScrollers();
};

/* Whatever scrolls sideways can be reached with the keyboard. */
const reachScrollers = () => {
  for (const box of document.querySelectorAll(
    ".bd-article div.math, .camp-figure .scroll, .pst-scrollable-table-container, pre.mermaid"
  )) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};

/* A field above a table shows only the rows in which all its words occur. */
const filterTables = () => {
  for (const box of document.querySelectorAll(".camp-filter")) {
    const tables = [...document.querySelectorAll(".bd-article table.table")];
    const below = (table) => box.compareDocumentPosition(table) & Node.DOCUMENT_POSITION_FOLLOWING;
    const rows = [...(tables.find(below)?.tBodies[0]?.rows ?? [])];
    box.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      const left = rows.filter((row) => !row.hidden).length;
      box.querySelector(".found").textContent = words.length ? `${left} of ${rows.length}` : "";
    });
  }
};

window.addEventListener("load", () => {
  filterTables();
  for (const output of document.querySelectorAll(".cell_output")) {
    const look = () => {
      const explorer = output.querySelector(".camp-explorer:not([data-ready])");
      if (explorer?.querySelector(".camp-shown .widget-html-content")) describeWidgets(explorer);
    };
    new MutationObserver(look).observe(output, { childList: true, subtree: true });
    look();
  }
  reachScrollers();
  for (const diagram of document.querySelectorAll("pre.mermaid")) {
    new MutationObserver(sizeDiagrams).observe(diagram, { attributeFilter: ["viewBox"], childList: true, subtree: true });
  }
  sizeDiagrams();
  window.addEventListener("resize", reachScrollers);
  window.MathJax?.startup?.promise.then(reachScrollers);
});
