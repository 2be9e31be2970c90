/* The search: in the dialog behind Control and K as one types, and on the page search.html.

   The sections of the book lie in search-index.js (see search_index.py); MiniSearch ranks them. Both are loaded when
   somebody searches, not before. Chinese is cut into pairs of neighbouring characters, which needs no dictionary and
   finds a word in the middle of any sentence. */
const campSearch = (() => {
  const HAN = "\u3400-\u9fff\uf900-\ufaff";
  const WORDS = new RegExp(`[${HAN}]+|(?:(?![${HAN}])[\\p{L}\\p{N}_])+`, "gu");
  const IS_HAN = new RegExp(`^[${HAN}]`, "u");
  const HUMPS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g; /* npu_format_cast, aclrtMalloc: their parts are words too */
  const IDLE = new Set(("a an and are as at be by can do does for from how i if in is it my not of on or the this to " +
    "what when where which who why with you your").split(" "));
  const IDLE_HAN = /什么是|是什么|为什么|怎么办|怎么|怎样|如何|哪些|哪个|请问|[的了吗呢吧]/gu;
  const root = () => document.documentElement.dataset.content_root || "./";

  /* The words of a text with their places. A text to be searched also has its single characters and its parts. */
  const cut = (text, searched) => {
    const found = [];
    for (const { 0: run, index } of text.matchAll(WORDS)) {
      const add = (word, at) => found.push({ word: word.toLowerCase(), start: index + at, end: index + at + word.length });
      if (IS_HAN.test(run)) {
        for (let at = 0; at < run.length - 1; at++) add(run.slice(at, at + 2), at);
        if (searched || run.length === 1) [...run].forEach((one, at) => add(one, at));
      } else {
        add(run, 0);
        const parts = searched ? [...run.matchAll(HUMPS)] : [];
        if (parts.length > 1) parts.forEach(({ 0: part, index: at }) => part.length > 1 && add(part, at));
      }
    }
    return found;
  };

  /* What is asked for: words without those that only make a question of it. */
  const asked = (query) => {
    const words = cut(query.normalize("NFKC").replace(IDLE_HAN, " "), false).map((it) => it.word);
    const telling = words.filter((word) => !IDLE.has(word));
    return [...new Set(telling.length ? telling : words)];
  };

  const script = (address) =>
    new Promise((done, failed) => {
      const element = Object.assign(document.createElement("script"), { src: root() + address, onload: done });
      element.onerror = () => failed(new Error(`${address} cannot be loaded`));
      document.head.append(element);
    });

  let loading;
  const load = () => {
    loading ??= Promise.all([script("vendor/minisearch/dist/umd/index.js"), script("search-index.js")]).then(() => {
      const index = new MiniSearch({
        fields: ["title", "page", "text", "code"],
        tokenize: (text) => cut(text, true).map((it) => it.word),
        processTerm: (word) => word,
        storeFields: ["section", "page"],
      });
      const sections = window.campPages.flatMap(([name, all]) =>
        all.map(([anchor, title, text, code]) => ({ name, anchor, title, text, code, page: all[0][1] }))
      );
      const entry = (it, id) => ({ ...it, id, section: it.title, page: it.anchor ? it.page : "" });
      index.addAll(sections.map(entry));
      return { index, sections };
    });
    return loading;
  };

  const options = {
    boost: { title: 3, page: 1.5, code: 0.6 },
    bm25: { k: 1.2, b: 0.4, d: 0.5 } /* a long section may well be the right one */,
    /* a page's opening says what it is about; its sources name what others are about */
    boostDocument: (id, word, { section, page }) => (page ? (section === "Sources" ? 0.4 : 1) : 1.4),
    weights: { prefix: 0.4, fuzzy: 0.2 },
    prefix: (word) => word.length > 1 && !IS_HAN.test(word),
    fuzzy: (word) => word.length > 4 && !/\d/.test(word) && !IS_HAN.test(word) && 0.2,
    tokenize: (words) => words.split(" "),
  };

  /* The pages, the best first: [{section, words}], with the best section of each and the words of it that were hit.
     A section counts for more with each word that it has, and with the query as it stands; so does a page of which
     several sections have it. */
  const search = async (query) => {
    const { index, sections } = await load();
    const words = asked(query);
    const phrase = query.normalize("NFKC").trim().toLowerCase();
    const whole = Math.min(words.length, 3);
    const pages = new Map();
    for (const hit of index.search(words.join(" "), options)) {
      const section = sections[hit.id];
      const holds = (text) => text.toLowerCase().includes(phrase);
      const covered = new Set(hit.queryTerms).size / words.length;
      const exact = holds(section.title) ? 2 : holds(`${section.text} ${section.code}`) ? 1.5 : 0;
      const score = hit.score * covered ** 2 * (exact ? exact + whole - 1 : 1);
      if (!pages.has(section.name)) pages.set(section.name, []);
      pages.get(section.name).push({ section, score, words: hit.terms });
    }
    const ranked = [...pages.values()].map((hits) => {
      const [best, ...more] = hits.sort((a, b) => b.score - a.score);
      return { ...best, score: best.score + 0.2 * more.slice(0, 5).reduce((sum, hit) => sum + hit.score, 0) };
    });
    return ranked.sort((a, b) => b.score - a.score);
  };

  /* Where words stand in a text, neighbours joined: [[start, end]]. */
  const spans = (text, words) => {
    const wanted = new Set(words);
    const found = [];
    for (const { word, start, end } of cut(text, true).sort((a, b) => a.start - b.start)) {
      if (!wanted.has(word)) continue;
      const last = found.at(-1);
      if (last && start < last[1]) last[1] = Math.max(last[1], end);
      else found.push([start, end]);
    }
    return found;
  };

  /* The stretch of a text with most different hits in it, as [text, is a hit] in order. */
  const excerpt = (text, words, length = 170) => {
    const all = spans(text, words);
    const within = (from) => all.filter(([start, end]) => start >= from && end <= from + length);
    const rich = (from) => new Set(within(from).map(([start, end]) => text.slice(start, end).toLowerCase())).size;
    const first = all.reduce((now, [start]) => (rich(start) > rich(now) ? start : now), all[0]?.[0] ?? 0);
    let from = Math.max(0, first - 50);
    if (from) from = text.indexOf(" ", from) + 1 || from;
    if (from > first) from = first;
    const parts = [];
    let at = from;
    for (const [start, end] of within(from)) {
      parts.push([text.slice(at, start), false], [text.slice(start, end), true]);
      at = end;
    }
    const stop = Math.max(at, text.length - from <= length ? text.length : text.lastIndexOf(" ", from + length));
    parts.push([text.slice(at, stop), false]);
    if (from) parts.unshift(["… ", false]);
    if (stop < text.length) parts.push([" …", false]);
    return parts;
  };

  const element = (tag, name, ...children) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...children);
    return made;
  };

  const result = ({ section, words }) => {
    const { name, anchor, title, text, code, page } = section;
    const source = spans(text, words).length || !spans(code, words).length ? text : code;
    const marks = spans(source, words).map(([start, end]) => source.slice(start, end));
    const link = element("a", "");
    const hits = encodeURIComponent([...new Set(marks)].slice(0, 8).join(" "));
    link.href = `${root()}${name}.html${hits && `?found=${hits}`}${anchor && `#${anchor}`}`;
    const paint = (parts) => parts.map(([part, hit]) => (hit ? element("mark", "", part) : part));
    link.append(element("span", "where", page, ...(anchor ? [element("span", "section", title)] : [])));
    link.append(element("span", source === code ? "excerpt code" : "excerpt", ...paint(excerpt(source, words))));
    return element("li", "", link);
  };

  /* Show in `box` what is found for `query`, at most `most` pages. */
  const show = async (box, query, most) => {
    box.dataset.query = query;
    if (!query.trim()) return box.replaceChildren();
    let found;
    try {
      found = await search(query);
    } catch (error) {
      return box.replaceChildren(element("p", "none", `The search cannot run: ${error.message}.`));
    }
    if (box.dataset.query !== query) return; /* somebody typed on meanwhile */
    const pages = `${found.length} page${found.length === 1 ? "" : "s"}`;
    const told = element("p", found.length ? "count" : "none", found.length ? pages : `No page has “${query.trim()}”. `);
    told.setAttribute("role", "status");
    if (!found.length) {
      const glossary = element("a", "", "glossary");
      glossary.href = `${root()}part5/glossary.html`;
      told.append("The ", glossary, " lists the words in both languages.");
    } else if (found.length > most) told.textContent = `The first ${most} of ${pages}; Enter shows more`;
    box.replaceChildren(told, element("ol", "camp-results", ...found.slice(0, most).map(result)));
  };

  /* Search as somebody types; while an input method composes Chinese, wait until the word is there. */
  const watch = (input, box, most) => {
    input.addEventListener("focus", () => load().catch(() => {}), { once: true });
    const look = () => show(box, input.value, most);
    input.addEventListener("input", (event) => event.isComposing || look());
    input.addEventListener("compositionend", look);
    /* Arrows go through the results and back into the field. */
    const step = (event) => {
      const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const stops = [input, ...box.querySelectorAll("li a")];
      const at = stops.indexOf(document.activeElement);
      if (!way || at < 0 || event.isComposing || stops.length < 2) return;
      event.preventDefault();
      stops[Math.min(Math.max(at + way, 0), stops.length - 1)].focus();
    };
    input.addEventListener("keydown", step);
    box.addEventListener("keydown", step);
  };

  /* On the page that a result led to, paint what was found, until Escape. */
  const paintFound = () => {
    const address = new URL(location);
    const words = (address.searchParams.get("found") ?? "").toLowerCase().split(" ").filter(Boolean);
    const article = document.querySelector(".bd-article");
    if (!words.length || !article || !CSS.highlights) return;
    address.searchParams.delete("found");
    history.replaceState(history.state, "", address);
    const ranges = [];
    const walk = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const text = node.data.toLowerCase();
      for (const word of words) {
        for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
          const inside = !IS_HAN.test(word) && /[\p{L}\p{N}]/u.test(text[at - 1] ?? " ");
          const range = new Range();
          range.setStart(node, at);
          range.setEnd(node, at + word.length);
          if (!inside) ranges.push(range);
        }
      }
    }
    CSS.highlights.set("camp-found", new Highlight(...ranges));
    addEventListener("keydown", (event) => event.key === "Escape" && CSS.highlights.delete("camp-found"));
  };

  document.addEventListener("DOMContentLoaded", () => {
    paintFound();
    const dialog = document.querySelector("#pst-search-dialog");
    if (dialog) {
      const box = dialog.appendChild(element("div", "camp-found"));
      watch(dialog.querySelector("input[name=q]"), box, 8);
    }
    const box = document.querySelector(".camp-search-page .camp-found");
    if (!box) return;
    const input = document.querySelector(".camp-search-page input[name=q]");
    watch(input, box, 40);
    input.value = new URLSearchParams(location.search).get("q") ?? "";
    input.focus();
    show(box, input.value, 40);
  });
  return { search, excerpt, cut };
})();
