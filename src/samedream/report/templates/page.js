// Light help only: the page says everything without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const keep = { get(key) { try { return localStorage.getItem(key); } catch { return null; } },
                 set(key, value) { try { localStorage.setItem(key, value); } catch { /* private window */ } } };
  document.querySelectorAll(".needs-script").forEach((element) => { element.hidden = false; });

  const depth = keep.get("samedream-depth");
  for (const choice of document.querySelectorAll("input[name=depth]")) {
    if (choice.value === depth) choice.checked = true;
    choice.addEventListener("change", () => keep.set("samedream-depth", choice.value));
  }

  const button = document.getElementById("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const show = () => { button.textContent = dark() ? "light" : "dark"; };
  if (keep.get("samedream-theme")) root.dataset.theme = keep.get("samedream-theme");
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    keep.set("samedream-theme", root.dataset.theme);
    show();
  });
  show();

  const target = () => {
    const element = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (element && element.tagName === "DETAILS") { element.open = true; element.scrollIntoView(); }
  };
  addEventListener("hashchange", target);
  target();

  const words = (card) => (card.words ??= [...card.querySelectorAll(".label, .keywords, .source, .text")]
    .map((part) => part.textContent).join("\n").normalize("NFKC").toLowerCase());
  const order = {
    r: (x, y) => y.dataset.r - x.dataset.r,
    rate: (x, y) => y.dataset.rate - x.dataset.rate,
    name: (x, y) => x.dataset.name.localeCompare(y.dataset.name),
  };
  for (const form of document.querySelectorAll("form.tools")) {
    const scope = document.getElementById(form.dataset.scope);
    const cards = [...scope.querySelectorAll(".card")];
    const filter = () => {
      const wanted = form.elements.find.value.normalize("NFKC").toLowerCase().trim();
      let shown = 0;
      for (const card of cards) { card.hidden = !!wanted && !words(card).includes(wanted); shown += !card.hidden; }
      form.querySelector("output").textContent = wanted ? `${shown} of ${cards.length} shown` : "";
    };
    form.addEventListener("submit", (event) => event.preventDefault());
    form.elements.find.addEventListener("input", filter);
    form.elements.sort.addEventListener("change", () => {
      for (const list of scope.querySelectorAll(".cards")) list.append(...[...list.children].sort(order[form.elements.sort.value]));
    });
    form.elements.open.addEventListener("click", () => cards.forEach((card) => { card.open = !card.hidden; }));
    form.elements.close.addEventListener("click", () => cards.forEach((card) => { card.open = false; }));
    filter();
  }
})();
