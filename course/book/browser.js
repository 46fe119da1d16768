// Search over headings, terms and names. It is the only script of the book; without it all can be read.

const form = document.querySelector("form[role=search]");
const input = document.querySelector("#search");
const found = document.querySelector("#found");

form.hidden = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  found.querySelector("a")?.click();
});
input.addEventListener("input", show);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && form.contains(document.activeElement)) {
    input.value = "";
    show();
  } else if (event.key === "/" && document.activeElement !== input) {
    event.preventDefault();
    input.focus();
  }
});

/** Lists what has all words that were typed, beginnings of titles first. */
function show() {
  const words = input.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const hits = words.length === 0 ? [] : globalThis.searchIndex
    .map(([title, address, page]) => ({ title, address, page, text: title.toLowerCase() }))
    .filter(({ text }) => words.every((word) => text.includes(word)))
    .sort((a, b) => rank(a.text, words[0]) - rank(b.text, words[0]))
    .slice(0, 12);
  found.replaceChildren(...hits.map(entryOf));
}

function rank(text, word) {
  const at = text.indexOf(word);
  return (at === 0 ? 0 : 1000) + text.length;
}

function entryOf({ title, address, page }) {
  const item = document.createElement("li"), link = document.createElement("a");
  const where = document.createElement("span");
  link.href = address;
  link.textContent = title;
  where.textContent = page;
  item.append(link, " ", where);
  return item;
}

// What is folded cannot be seen by who is led to it.
function unfold() {
  let part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
}
addEventListener("hashchange", unfold);
unfold();
