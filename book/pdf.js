/* Runs in a page of the finished site: returns its article as a chapter of the printed book. Ids get the page's
   name before them, so that those of all pages can stand in one document; links lead to places in that document
   wherever the book has them, and to the published site elsewhere. */
({ slug, slugs, site }) => {
  const article = document.querySelector("article.bd-article");
  const here = (id) => `${slug}--${id}`;

  for (const element of article.querySelectorAll(
    "a.headerlink, script, button, .camp-filter, .toctree-wrapper, .sd-summary-state-marker"
  )) element.remove();
  for (const element of article.querySelectorAll("details")) element.open = true;
  for (const image of article.querySelectorAll("img")) {
    image.loading = "eager";
    image.setAttribute("src", image.src);
  }

  const target = (link) => {
    const address = new URL(link.href);
    if (address.origin !== location.origin) return link.href;
    const page = address.pathname.replace(/^\/|\.html$/g, "");
    const id = decodeURIComponent(address.hash.slice(1));
    if (page in slugs) return `#${slugs[page]}${id ? `--${id}` : ""}`;
    return site + address.pathname + address.hash;
  };
  for (const link of article.querySelectorAll("a[href]")) link.setAttribute("href", target(link));

  const inText = (text) => text.replace(/url\((["']?)#([^)"']+)\1\)/g, (_, quote, id) => `url(#${here(id)})`);
  const lists = ["for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "headers"];
  const ids = [...article.querySelectorAll("[id]")].map((element) => element.id);
  for (const element of article.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      if (name === "id") element.id = here(value);
      else if (lists.includes(name)) element.setAttribute(name, value.split(/\s+/).map(here).join(" "));
      else if (element.localName === "use" && value.startsWith("#")) element.setAttribute(name, `#${here(value.slice(1))}`);
      else if (value.includes("url(")) element.setAttribute(name, inText(value));
    }
  }
  for (const style of article.querySelectorAll("style")) {
    let text = inText(style.textContent);
    for (const id of ids) text = text.replaceAll(new RegExp(`#${CSS.escape(id)}(?![\\w-])`, "g"), `#${here(id)}`);
    style.textContent = text;
  }

  // The part's name is the first heading in the printed book, so every other one is a level lower.
  const title = article.querySelector("h1").textContent.trim();
  for (let level = 5; level > 0; level--) {
    for (const old of article.querySelectorAll(`h${level}`)) {
      const heading = document.createElement(`h${level + 1}`);
      for (const { name, value } of old.attributes) heading.setAttribute(name, value);
      heading.append(...old.childNodes);
      old.replaceWith(heading);
    }
  }

  const wanted = /mathjax|mermaid/i;
  const scripts = [...document.head.querySelectorAll("script")].filter((it) => wanted.test(it.outerHTML));
  for (const script of scripts) if (script.src) script.setAttribute("src", script.src);
  const styles = [...document.head.querySelectorAll("link[rel=stylesheet]")];
  for (const style of styles) style.setAttribute("href", style.href);
  const lines = (elements) => elements.map((element) => element.outerHTML.replace(/^<script defer="[^"]*"/, "<script"));
  return { title, html: article.innerHTML, scripts: lines(scripts), styles: lines(styles) };
};
