// SPDX-License-Identifier: Apache-2.0
// Filters, search, expand all, copy. The page is whole without it. An address may preset the filters:
// report.html?verdict=fail,hang&level=must&q=rbx
// The page of a difference has both verdicts of a case in data-verdict, what became of it in data-change, and its
// differences once more on top; there a further filter is change=worse,better.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  document.documentElement.classList.add("js");

  const traits = (node) => ({ node, verdicts: node.dataset.verdict.split(" "), change: node.dataset.change, words: null });
  const clauses = all("article.clause").map((node) => ({
    ...traits(node),
    level: node.dataset.level,
    // What the search sees of the clause itself, then of each case.
    words: all("h3, .wording, .cell-note", node).map((n) => n.textContent).join(" ").toLowerCase(),
    fold: node.querySelector(":scope > .clause-body > details"),  // of the cases that passed, if any
    cases: all(".case", node).map(traits),
  }));
  const differences = all(".difference").map((node) => ({ ...traits(node), level: node.dataset.level }));
  const interfaces = all(".interface");
  const groups = all(".group");
  const total = clauses.reduce((sum, clause) => sum + clause.cases.length, 0);

  const checked = (name) => new Set(all(`input[name=${name}]:checked`).map((box) => box.value));
  const wordsOf = (c) => (c.words ??= c.node.textContent.toLowerCase());

  const filter = () => {
    const verdicts = checked("verdict");
    const levels = checked("level");
    const changes = checked("change");
    const chosen = (c) => c.verdicts.some((verdict) => verdicts.has(verdict)) && (!c.change || changes.has(c.change));
    const text = one("search").value.trim().toLowerCase();
    let shown = 0;
    let shownClauses = 0;
    for (const clause of clauses) {
      let visible = false;
      let foldMatches = false;
      if (levels.has(clause.level)) {
        const clauseMatches = clause.words.includes(text);
        for (const c of clause.cases) {
          const keep = chosen(c) && (clauseMatches || wordsOf(c).includes(text));
          c.node.hidden = !keep;
          foldMatches ||= keep && clause.fold?.contains(c.node);
          if (keep) shown += 1;
          visible ||= keep;
        }
        if (clause.fold) {
          clause.fold.hidden = !foldMatches;
          if (foldMatches && !clauseMatches) clause.fold.open = true;  // the search found it in there
        }
        if (clause.cases.length === 0) visible = chosen(clause) && clauseMatches;
      }
      if (!visible) for (const c of clause.cases) c.node.hidden = true;
      clause.node.hidden = !visible;
      if (visible) shownClauses += 1;
    }
    for (const c of differences) c.node.hidden = !(levels.has(c.level) && chosen(c) && wordsOf(c).includes(text));
    for (const node of groups) node.hidden = !node.querySelector(".difference:not([hidden])");
    for (const node of interfaces) node.hidden = !node.querySelector("article.clause:not([hidden])");
    one("nothing").hidden = shownClauses > 0 || clauses.length === 0;
    one("shown").value = shown === total ? `${total} cases` : `${shown} of ${total} cases`;
  };

  const preset = () => {
    const query = new URLSearchParams(location.search);
    for (const name of ["verdict", "level", "change"]) {
      if (!query.has(name)) continue;
      const wanted = query.get(name).split(",");
      for (const box of all(`input[name=${name}]`)) box.checked = wanted.includes(box.value);
    }
    if (query.has("q")) one("search").value = query.get("q");
  };

  const reset = () => {
    for (const box of all(".filters input[type=checkbox]")) box.checked = true;
    one("search").value = "";
    filter();
  };

  // A link from the tables above leads to what may be filtered out or folded.
  const reveal = () => {
    const target = one(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.closest("[hidden]")) reset();
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    for (const node of all(":scope > .clause-body > details", target)) node.open = true;
    target.scrollIntoView();
  };

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");  // pages that the browser does not trust with the clipboard
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const done = await copy(button.previousElementSibling.textContent);
    button.textContent = done ? "Copied" : "Copy failed";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });

  // The page of timed paths alone has nothing to filter.
  const filterable = one("search") !== null;
  if (filterable) one("expand").addEventListener("click", () => {
    const open = one("expand").getAttribute("aria-pressed") !== "true";
    for (const node of all("#results details")) node.open = open;
    one("expand").setAttribute("aria-pressed", String(open));
    one("expand").textContent = open ? "Collapse all" : "Expand all";
  });

  // Paper cannot unfold: print everything, then restore.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("#results details:not([open])");
    for (const node of folded) node.open = true;
  });
  addEventListener("afterprint", () => { for (const node of folded) node.open = false; });

  let pending = 0;
  if (filterable) one("search").addEventListener("input", () => {
    clearTimeout(pending);
    pending = setTimeout(filter, 120);
  });
  for (const box of all(".filters input[type=checkbox]")) box.addEventListener("change", filter);
  addEventListener("hashchange", reveal);
  if (filterable) {
    preset();
    filter();  // even without presets: the browser may have restored the boxes of an earlier visit
  }
  if (location.hash) reveal();
})();
