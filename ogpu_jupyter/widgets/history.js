/* The page's part of the history: it draws the rows in view and asks the kernel for others.
 *
 * Whatever a row says was written by strangers: it is set as text, and never as HTML. Until
 * the kernel has answered, and after it is gone, nothing of this is seen: then the record
 * that was saved stands in its place.
 */

const ROW = 30; // px, as in history.css
const AROUND = 100; // rows that are asked for above and below those in view
const SPARE = 8; // rows drawn above and below
const KEPT = 4000; // rows
const HEARTBEAT = 60_000;
const SURE_AFTER = 400; // ms: the second press of a double click is no answer
const SURE_FOR = 10_000;

const COLUMNS = [
  { id: "key", head: "#", num: true },
  { id: "name", head: "Task", sort: "name" },
  { id: "function", head: "Function", sort: "function" },
  { id: "source", head: "Source", sort: "source" },
  { id: "stage", head: "State", sort: "status" },
  { id: "pays", head: "Payment", sort: "payment", num: true },
  { id: "fee", head: "Network fee", sort: "fee", num: true },
  { id: "created", head: "Created", sort: "created" },
  { id: "finished", head: "Ends", sort: "finished" },
  { id: "network", head: "Network", sort: "network" },
  { id: "notebook", head: "Notebook", sort: "notebook" },
  { id: "do", head: "" },
];
const DECIMALS = { pays: 5, fee: 8 }; // that have room
const LARGE_FIRST = new Set(["payment", "fee", "created", "finished"]);

function make(tag, classes = "", attributes = {}) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** A key pressed here is no command to the notebook: it looks at the focused element first. */
function focusable(tag, classes = "", attributes = {}) {
  return make(tag, classes, { "data-lm-suppress-shortcuts": "true", ...attributes });
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setTitle(element, text) {
  if (element.title !== text) element.title = text;
}

/** `3 min`, coarse: the exact time is in the title. */
function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

class Table {
  constructor(model, el) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.asked = { ...model.get("start") };
    this.rows = new Map(); // by their place in the order
    this.drawn = new Map(); // elements, by place
    this.free = [];
    this.count = 0;
    this.id = 0;
    this.answered = 0;
    this.since = 0; // answers to older questions are of other filters
    this.waits = false;
    this.skew = 0;
    this.opened = null;
    this.digits = {}; // after the point, the most that were shown in a column
    this.active = { place: 0, column: 1, key: null };
    this.sure = null; // the task whose action was pressed once
    this.visible = false;
    this.build(el);
    this.wire();
  }

  // What there is in the page

  build(el) {
    this.root = make("div", "ogpu ogpu-live mathjax_ignore tex2jax_ignore", {
      role: "group",
      "aria-label": "History of tasks",
    });
    this.root.hidden = true;
    this.style = make("style"); // while this lives, the saved record is not shown
    const bar = make("div", "ogpu-bar");
    this.search = focusable("input", "", {
      type: "search",
      placeholder: "Search names, addresses, data",
      "aria-label": "Search tasks",
      spellcheck: "false",
      maxlength: "400",
    });
    this.search.value = this.asked.text;
    this.status = focusable("select", "", { "aria-label": "State" });
    this.network = focusable("select", "", { "aria-label": "Network" });
    this.source = focusable("select", "", { "aria-label": "Source" });
    this.button = focusable("button", "ogpu-export", { type: "button" });
    this.button.textContent = "Export to DataFrame";
    bar.append(this.search, this.status, this.network, this.source, this.button);
    this.grid = focusable("div", "ogpu-grid", {
      role: "grid",
      tabindex: "0",
      "aria-label": "Tasks",
      "aria-colcount": COLUMNS.length,
      "aria-description": "Enter opens a task below the table.",
    });
    this.space = make("div", "ogpu-space", { role: "rowgroup" });
    this.none = make("div", "ogpu-none-found");
    this.none.textContent = "No task matches.";
    this.grid.append(this.head(), this.space);
    this.total = make("p", "ogpu-total");
    this.told = make("p", "ogpu-told", { role: "status" });
    this.said = make("p", "ogpu-unseen", { role: "status" });
    this.root.append(this.style, bar, this.grid, this.none, this.total, this.told, this.said);
    el.append(this.root);
  }

  head() {
    const row = make("div", "ogpu-tr ogpu-top", { role: "row", "aria-rowindex": 1 });
    this.heads = COLUMNS.map((column, n) => {
      const cell = make("div", `ogpu-c-${column.id}${column.num ? " ogpu-num" : ""}`, {
        role: "columnheader",
        "aria-colindex": n + 1,
      });
      if (column.sort) {
        const button = focusable("button", "", { type: "button" });
        button.textContent = column.head;
        button.addEventListener("click", () => this.sortBy(column.sort));
        cell.append(button);
      } else if (column.head) {
        cell.textContent = column.head;
      } else {
        cell.setAttribute("aria-label", "What can be done");
      }
      row.append(cell);
      return cell;
    });
    return row;
  }

  wire() {
    this.wired = new AbortController();
    const on = (target, name, call) =>
      target.addEventListener(name, call, { signal: this.wired.signal });
    on(this.search, "input", () => this.later(() => this.filter({ text: this.search.value })));
    for (const name of ["status", "network", "source"]) {
      on(this[name], "change", () => this.filter({ [name]: this[name].value }));
    }
    on(this.button, "click", () => this.send({ kind: "export", ...this.asked }));
    on(this.grid, "scroll", () => this.soon());
    on(this.grid, "keydown", (event) => this.key(event));
    on(this.grid, "focus", () => this.mark());
    on(this.space, "click", (event) => this.click(event));
    on(this.root, "keydown", (event) => event.stopPropagation());
    on(document, "visibilitychange", () => this.look());
    this.heard = (message) => this.hear(message);
    this.lost = () => this.gone();
    this.model.on("msg:custom", this.heard);
    this.model.on("comm_live_update", this.lost);
    this.seen = new IntersectionObserver((entries) => {
      this.inView = entries[entries.length - 1].isIntersecting;
      this.look();
    });
    this.seen.observe(this.root.parentElement);
    this.sized = new ResizeObserver(() => this.soon());
    this.sized.observe(this.grid);
    this.beat = setInterval(() => this.visible && this.watch(true), HEARTBEAT);
    this.tick = setInterval(() => this.visible && this.draw(), 10_000);
    this.ask();
  }

  close() {
    this.watch(false);
    clearInterval(this.beat);
    clearInterval(this.tick);
    clearTimeout(this.delay);
    clearTimeout(this.unsure);
    cancelAnimationFrame(this.frame);
    this.seen.disconnect();
    this.sized.disconnect();
    this.wired.abort();
    this.model.off("msg:custom", this.heard);
    this.model.off("comm_live_update", this.lost);
    this.root.remove();
  }

  // Words with the kernel

  send(message) {
    try {
      this.model.send({ view: this.view, ...message });
    } catch {
      this.gone();
    }
  }

  watch(on) {
    this.send({ kind: "watch", on });
  }

  look() {
    const visible = Boolean(this.inView) && document.visibilityState === "visible";
    if (visible === this.visible) return;
    this.visible = visible;
    this.watch(visible);
    if (visible) this.ask();
  }

  /** The kernel is gone, or another one has come: if it answers, all is well. */
  gone() {
    if (this.root.hidden) return;
    this.root.hidden = true;
    this.style.textContent = "";
    this.waits = false;
    setTimeout(() => this.wired.signal.aborted || this.ask(), 500);
  }

  ask() {
    const [first, last] = this.inSight();
    const offset = Math.max(0, first - AROUND);
    this.id += 1;
    this.waits = true;
    this.send({ kind: "rows", id: this.id, offset, limit: last - offset + AROUND, ...this.asked });
  }

  hear(message) {
    if (message.kind === "said") this.tell(message.text, message.bad);
    if (message.kind === "opened") {
      this.opened = message.key;
      this.draw();
    }
    if (message.kind === "rows" && message.view === this.view) this.take(message);
  }

  take(message) {
    if (message.id < this.since) return;
    const isNew = this.answered < this.since;
    const isNews = message.id <= this.answered; // not asked for: the journal has changed
    this.answered = Math.max(this.answered, message.id);
    if (message.id === this.id) this.waits = false;
    const anchor = this.rows.get(this.inSight()[0])?.key;
    const from = this.inSight()[0];
    if (isNew || isNews || this.rows.size > KEPT) this.rows.clear();
    message.rows.forEach((row, n) => this.rows.set(message.offset + n, row));
    this.count = message.count;
    this.skew = message.now - Date.now() / 1000;
    this.opened = message.opened;
    this.live();
    this.space.style.height = `${this.count * ROW}px`;
    this.grid.setAttribute("aria-rowcount", this.count + 1);
    this.none.hidden = this.count > 0;
    this.space.hidden = this.count === 0;
    if (isNew) {
      this.grid.scrollTop = 0;
      setText(this.said, message.totals);
    } else if (isNews) {
      this.hold(anchor, from);
    }
    setText(this.total, message.totals);
    this.choices(message);
    this.arrows();
    this.draw();
    this.need();
  }

  live() {
    if (!this.root.hidden) return;
    this.root.hidden = false;
    this.style.textContent = `.${CSS.escape(this.model.get("mark"))}{display:none!important}`;
  }

  /** Rows that came in above don't push away what is being read. */
  hold(key, from) {
    if (key === undefined || this.grid.scrollTop < ROW) return;
    for (const [place, row] of this.rows) {
      if (row.key === key) this.grid.scrollTop += (place - from) * ROW;
    }
  }

  tell(text, bad = false) {
    this.told.className = bad ? "ogpu-told ogpu-bad" : "ogpu-told";
    this.told.setAttribute("role", bad ? "alert" : "status");
    this.told.textContent = text;
  }

  // Filters and order

  later(call) {
    clearTimeout(this.delay);
    this.delay = setTimeout(call, 150);
  }

  filter(change) {
    Object.assign(this.asked, change);
    this.since = this.id + 1;
    this.active = { ...this.active, place: 0, key: null };
    this.tell("");
    this.ask();
  }

  sortBy(sort) {
    const down = this.asked.sort === sort ? !this.asked.down : LARGE_FIRST.has(sort);
    this.filter({ sort, down });
  }

  arrows() {
    COLUMNS.forEach((column, n) => {
      if (!column.sort) return;
      const way = this.asked.down ? "descending" : "ascending";
      this.heads[n].setAttribute("aria-sort", column.sort === this.asked.sort ? way : "none");
    });
  }

  choices({ networks, stages, sources, open }) {
    const connected = this.asked.connected ? [["@connected", "This network", null]] : [];
    this.offer(this.network, this.asked.network, [
      ...connected,
      ["", "All networks", null],
      ...networks,
    ]);
    this.offer(this.status, this.asked.status, [
      ["", "All states", null],
      ["open", "Open", open],
      ...stages,
    ]);
    this.offer(this.source, this.asked.source, [["", "All sources", null], ...sources]);
  }

  offer(select, chosen, list) {
    const known = list.some(([value]) => value === chosen);
    const all = known ? list : [...list, [chosen, chosen.replaceAll(",", ", "), null]];
    const said = JSON.stringify(all);
    if (select.said === said || select === document.activeElement) return; // it may be unfolded
    select.said = said;
    select.replaceChildren(
      ...all.map(([value, words, count]) => {
        const option = make("option");
        option.value = value;
        option.textContent = count === null ? words : `${words} (${count.toLocaleString("en")})`;
        return option;
      }),
    );
    select.value = chosen;
  }

  // Rows

  inSight() {
    const first = Math.floor(this.grid.scrollTop / ROW);
    const shown = Math.ceil((this.grid.clientHeight || 480) / ROW);
    return [first, first + shown];
  }

  soon() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
      this.need();
    });
  }

  /** Ask for what is in view and not here; one question at a time, so none piles up. */
  need() {
    if (this.waits) return;
    const [first, last] = this.inSight();
    const from = Math.max(0, first - SPARE);
    const to = Math.min(this.count, last + SPARE);
    for (let place = from; place < to; place += 1) {
      if (!this.rows.has(place)) return this.ask();
    }
  }

  draw() {
    const [first, last] = this.inSight();
    const from = Math.max(0, first - SPARE);
    const to = Math.min(this.count, last + SPARE);
    for (const [place, element] of this.drawn) {
      if (place < from || place >= to) {
        this.drawn.delete(place);
        this.free.push(element);
      }
    }
    for (let place = from; place < to; place += 1) {
      let element = this.drawn.get(place);
      if (!element) {
        element = this.free.pop() ?? this.element();
        element.style.transform = `translateY(${place * ROW}px)`;
        element.setAttribute("aria-rowindex", place + 2);
        this.drawn.set(place, element);
        if (!element.isConnected) this.space.append(element);
        element.hidden = false;
      }
      this.fill(element, place);
    }
    for (const element of this.free.splice(24)) element.remove();
    for (const element of this.free) element.hidden = true;
    this.mark();
  }

  element() {
    const row = make("div", "ogpu-tr", { role: "row" });
    row.cells = {};
    COLUMNS.forEach((column, n) => {
      const cell = make("div", `ogpu-c-${column.id}${column.num ? " ogpu-num" : ""}`, {
        role: "gridcell",
        "aria-colindex": n + 1,
      });
      cell.id = `ogpu-${this.view}-${(this.made = (this.made ?? 0) + 1)}`;
      row.cells[column.id] = cell;
      row.append(cell);
    });
    row.name = make("span", "ogpu-name");
    row.ident = make("span", "ogpu-soft");
    row.cells.name.append(row.name, row.ident);
    for (const cell of [row.cells.pays, row.cells.fee]) {
      cell.whole = make("span");
      cell.decimals = make("span", "ogpu-decimals");
      cell.unit = make("span", "ogpu-unit");
      cell.append(cell.whole, cell.decimals, cell.unit);
    }
    row.pill = make("span", "ogpu-pill");
    row.cells.stage.append(row.pill);
    row.act = focusable("button", "", { type: "button", tabindex: "-1" });
    row.cells.do.classList.add("ogpu-do");
    row.cells.do.append(row.act);
    return row;
  }

  fill(element, place) {
    const row = this.rows.get(place);
    element.place = place;
    element.classList.toggle("ogpu-waits", !row);
    element.setAttribute("aria-selected", String(Boolean(row) && row.key === this.opened));
    if (!row) {
      element.pill.hidden = element.act.hidden = true;
      for (const id of ["key", "function", "source", "created", "finished", "network", "notebook"]) {
        setText(element.cells[id], "");
      }
      this.fillAmount(element.cells.pays, "", "", "pays");
      this.fillAmount(element.cells.fee, "", "", "fee");
      setText(element.name, "…");
      setText(element.ident, "");
      return;
    }
    const { cells } = element;
    const now = Date.now() / 1000 + this.skew;
    setText(cells.key, `#${row.key}`);
    setText(element.name, row.name);
    setText(element.ident, row.id);
    setTitle(cells.name, row.whole ? `${row.name}\n${row.whole}` : row.name);
    setText(cells.function, row.function);
    setText(cells.source, row.source);
    setTitle(cells.source, `${row.source}\n${row.sourceAt}`);
    element.pill.hidden = false;
    const tone = `ogpu-pill ${row.tone}`;
    if (element.pill.className !== tone) element.pill.className = tone;
    setText(element.pill, row.stage);
    setTitle(element.pill, row.problem);
    this.fillAmount(cells.pays, row.pays, row.paysExact, "pays");
    this.fillAmount(cells.fee, row.fee, row.feeExact, "fee");
    setText(cells.created, `${span(now - row.created)} ago`);
    setTitle(cells.created, row.createdAt);
    this.fillEnd(cells.finished, row, now);
    setText(cells.network, row.network);
    setText(cells.notebook, row.notebook);
    setTitle(cells.notebook, row.notebook);
    this.fillAct(element.act, row);
  }

  /** Points below each other. Where there is little room OGPU is understood, another unit said. */
  fillAmount(cell, text, exact, column) {
    const cut = text.endsWith(" OGPU") ? text.length - 5 : text.length;
    const point = cut < text.length ? `${text.slice(0, cut)}.`.indexOf(".") : cut;
    setText(cell.whole, text.slice(0, point));
    setText(cell.decimals, text.slice(point, cut));
    cell.decimals.hidden = cut === text.length;
    setText(cell.unit, text.slice(cut));
    setTitle(cell, exact);
    const digits = Math.min(cut - point - 1, DECIMALS[column]);
    if (digits > (this.digits[column] ?? 0)) {
      this.digits[column] = digits;
      this.root.style.setProperty(`--${column}-digits`, digits);
    }
  }

  fillEnd(cell, row, now) {
    if (row.ends !== null) {
      setText(cell, row.ends > now ? `in ${span(row.ends - now)}` : "time is up");
      setTitle(cell, `Expires ${row.endsAt}`);
    } else {
      setText(cell, row.finished === null ? "" : `${span(now - row.finished)} ago`);
      setTitle(cell, row.finishedAt);
    }
  }

  fillAct(button, row) {
    const words = row.busy || row.words || "";
    const sure = !row.busy && this.sure?.key === row.key;
    button.hidden = !words;
    button.disabled = Boolean(row.busy);
    button.classList.toggle("ogpu-sure", sure);
    setText(button, sure ? row.sure : words);
    button.setAttribute("aria-label", `${sure ? row.sure : words} Task #${row.key}, ${row.name}`);
  }

  // What a person does

  click(event) {
    const element = event.target.closest('[role="row"]');
    const row = element && this.rows.get(element.place);
    if (!row) return;
    this.active.place = element.place;
    this.active.key = row.key;
    if (event.target === element.act) this.press(row);
    else this.open(row);
    this.draw();
  }

  open(row) {
    this.send({ kind: "open", key: row.key });
  }

  /** The first press says what it costs; the second one, at the same words, does it. */
  press(row) {
    if (row.busy || !row.act) return;
    if (row.act === "open") return row.key === this.opened || this.open(row);
    if (this.sure?.key !== row.key || this.sure.words !== row.sure) {
      this.sure = { key: row.key, words: row.sure, at: performance.now() };
      clearTimeout(this.unsure);
      this.unsure = setTimeout(() => this.calm(), SURE_FOR);
      setText(this.said, `${row.sure} Press again to do it, Escape to leave it.`);
    } else if (performance.now() - this.sure.at > SURE_AFTER) {
      const { key, act, response, sure } = row;
      this.calm();
      row.busy = "…";
      this.send({ kind: "act", key, what: act, response, sure });
    }
    this.draw();
  }

  calm() {
    clearTimeout(this.unsure);
    this.sure = null;
    this.draw();
  }

  key(event) {
    if (event.target !== this.grid || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / ROW) - 2);
    const moves = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.count,
      End: this.count,
    };
    const row = this.rows.get(this.active.place);
    if (event.key in moves) this.go(this.active.place + moves[event.key]);
    else if (event.key === "ArrowRight") this.step(1);
    else if (event.key === "ArrowLeft") this.step(-1);
    else if ((event.key === "Enter" || event.key === " ") && row) this.enter(row);
    else if (event.key === "Escape" && this.sure) this.calm();
    else if (event.key === "Escape" && this.opened) this.open({ key: this.opened });
    else return;
    event.preventDefault();
  }

  enter(row) {
    if (COLUMNS[this.active.column].id === "do" && row.act) this.press(row);
    else this.open(row);
  }

  go(place) {
    if (!this.count) return;
    this.active.place = Math.max(0, Math.min(this.count - 1, place));
    const head = this.heads[1].parentElement.offsetHeight;
    const top = this.active.place * ROW;
    const height = this.grid.clientHeight - head;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    if (top + ROW > this.grid.scrollTop + height) this.grid.scrollTop = top + ROW - height;
    this.active.key = this.rows.get(this.active.place)?.key ?? null;
    this.draw();
    this.need();
  }

  /** To the next column that is shown at this width. */
  step(way) {
    let column = this.active.column + way;
    while (COLUMNS[column] && !this.heads[column].offsetParent) column += way;
    if (COLUMNS[column]) this.active.column = column;
    this.mark();
  }

  mark() {
    for (const element of this.drawn.values()) {
      const isActive = element.place === this.active.place;
      element.classList.toggle("ogpu-active", isActive);
      COLUMNS.forEach((column, n) => {
        const here = isActive && n === this.active.column;
        element.cells[column.id].classList.toggle("ogpu-cell", here);
      });
    }
    const cell = this.drawn.get(this.active.place)?.cells[COLUMNS[this.active.column].id];
    if (cell) this.grid.setAttribute("aria-activedescendant", cell.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }
}

export default {
  render({ model, el }) {
    const table = new Table(model, el);
    return () => table.close();
  },
};
