// The list box of the search box: a combobox as the ARIA practices describe it.

const BOX = ".st-key-text input";
const PAUSE = 150; // ms without a key before the text is sent

const lists = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  const element = parentElement.querySelector("#suggestion-list");
  if (!lists.has(element)) lists.set(element, new SuggestionList(element));
  const list = lists.get(element);
  list.send = (typed) => setStateValue("typed", typed);
  list.show(data.typed, data.suggestions);
  return () => {
    list.close();
    list.stop();
    lists.delete(element);
  };
}

class SuggestionList {
  constructor(element) {
    this.element = element;
    this.active = -1;
    this.wanted = false; // the visitor has typed since the last search
    this.listeners = {
      input: (event) => this.typed(event),
      keydown: (event) => this.pressed(event),
      focusout: (event) => this.box(event.target) && this.close(),
      pointerdown: (event) => this.pointed(event),
    };
    // Before React's own listeners, so that Enter on a suggestion does not search for less.
    for (const [name, listener] of Object.entries(this.listeners)) {
      document.addEventListener(name, listener, true);
    }
  }

  stop() {
    clearTimeout(this.waiting);
    for (const [name, listener] of Object.entries(this.listeners)) {
      document.removeEventListener(name, listener, true);
    }
  }

  box(target) {
    return target instanceof Element && target.matches(BOX) ? target : null;
  }

  typed(event) {
    const box = this.box(event.target);
    if (!box || this.choosing) return;
    this.wanted = true;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.send(box.value), PAUSE);
  }

  show(typed, suggestions) {
    const box = document.querySelector(BOX);
    if (!box) return;
    Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-controls": this.element.id,
      "aria-expanded": "false",
    }).forEach(([name, value]) => box.setAttribute(name, value));
    if (!this.wanted || document.activeElement !== box || typed !== box.value) return this.close();
    this.suggestions = suggestions;
    this.active = -1;
    this.element.replaceChildren(...suggestions.map(option));
    box.removeAttribute("aria-activedescendant");
    if (suggestions.length) this.open(box);
    else this.close();
  }

  // Below the box, as wide as it is.
  open(box) {
    this.element.hidden = false;
    const field = box.closest("[data-testid=stTextInputRootElement]").getBoundingClientRect();
    const origin = this.element.offsetParent.getBoundingClientRect();
    this.element.style.left = `${field.left - origin.left}px`;
    this.element.style.top = `${field.bottom - origin.top + 4}px`;
    this.element.style.width = `${field.width}px`;
    box.setAttribute("aria-expanded", "true");
  }

  close() {
    this.element.hidden = true;
    this.active = -1;
    const box = document.querySelector(BOX);
    box?.setAttribute("aria-expanded", "false");
    box?.removeAttribute("aria-activedescendant");
  }

  pressed(event) {
    const box = this.box(event.target);
    if (!box || this.choosing) return;
    const open = !this.element.hidden;
    if (event.key === "Enter" && open && this.active >= 0) {
      event.preventDefault();
      event.stopPropagation();
      this.choose(box, this.active);
    } else if (event.key === "Enter") {
      this.wanted = false;
      clearTimeout(this.waiting);
      this.close();
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && open) {
      event.preventDefault();
      const count = this.suggestions.length;
      const step = event.key === "ArrowDown" ? 1 : -1;
      // -1 is the box itself
      this.active = ((this.active + 1 + step + count + 1) % (count + 1)) - 1;
      this.mark(box);
    }
  }

  mark(box) {
    [...this.element.children].forEach((each, number) =>
      each.setAttribute("aria-selected", String(number === this.active)),
    );
    if (this.active < 0) box.removeAttribute("aria-activedescendant");
    else box.setAttribute("aria-activedescendant", `suggestion-${this.active}`);
  }

  pointed(event) {
    const chosen = event.target instanceof Element && event.target.closest("[role=option]");
    if (!chosen || !this.element.contains(chosen)) return;
    event.preventDefault(); // the box keeps the focus, and does not search for what is typed
    const box = document.querySelector(BOX);
    this.choose(box, [...this.element.children].indexOf(chosen));
  }

  // As if it had been typed, with Enter.
  choose(box, number) {
    this.choosing = true;
    this.wanted = false;
    clearTimeout(this.waiting);
    const { set } = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
    set.call(box, this.suggestions[number].text);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.dispatchEvent(
      new KeyboardEvent("keydown", { key: "Enter", keyCode: 13, bubbles: true, cancelable: true }),
    );
    this.choosing = false;
    this.close();
  }
}

function option(suggestion, number) {
  const item = document.createElement("li");
  item.id = `suggestion-${number}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  const label = document.createElement("span");
  label.textContent = suggestion.label;
  const facts = document.createElement("small");
  facts.textContent = [suggestion.kind, suggestion.count].filter(Boolean).join(" · ");
  item.append(label, facts);
  return item;
}
