// What ipywidgets can't say: which words belong to which control, what is wrong, where the
// focus goes, and the clipboard. Without this the form works by mouse and keyboard all the same.

let count = 0;
const id = (node) => (node.id ||= `ogpu-aid-${++count}`);
const put = (node, name, value) => {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
};
const own = (field, what) =>
  [...field.querySelectorAll(what)].filter(
    (node) => node.closest(".ogpu-f-field, .ogpu-f-group") === field,
  );
const WORDS = ".widget-html-content";
const INPUTS = "input, select, textarea";

function name_field(field) {
  const [note] = own(field, `.ogpu-f-about ${WORDS}`);
  const wrong = note && note.querySelector(".ogpu-f-error") ? "true" : null;
  const inputs = own(field, INPUTS).filter((node) => !node.closest(".ogpu-f-empty"));
  for (const input of inputs) {
    if (note) put(input, "aria-describedby", note.textContent.trim() ? id(note) : null);
    put(input, "aria-invalid", wrong);
    if (input.type !== "radio" && input.type !== "checkbox")
      put(input, "aria-required", field.classList.contains("ogpu-f-required") ? "true" : null);
    if (field.querySelector(".ogpu-f-integer")) put(input, "inputmode", "numeric");
    if (field.querySelector(".ogpu-f-number")) put(input, "inputmode", "decimal");
  }
  for (const radios of own(field, ".widget-radio")) {
    const label = radios.querySelector(".widget-label");
    put(radios, "role", "radiogroup");
    if (label) put(radios, "aria-labelledby", id(label));
    if (note) put(radios, "aria-describedby", note.textContent.trim() ? id(note) : null);
  }
}

function name_group(group) {
  if (group.matches(".ogpu-f-root, .ogpu-f-within")) return;
  const [legend] = own(group, `.ogpu-f-legend:not(.ogpu-f-hide) ${WORDS}`);
  const [note] = own(group, `.ogpu-f-about ${WORDS}`);
  const [kind] = own(group, ".ogpu-f-kind label");
  put(group, "role", "group");
  const seen = legend || kind;
  if (seen) put(group, "aria-labelledby", id(seen));
  if (note) put(group, "aria-describedby", note.textContent.trim() ? id(note) : null);
}

function name_all(form) {
  form.querySelectorAll(".ogpu-f-field").forEach(name_field);
  form.querySelectorAll(".ogpu-f-group").forEach(name_group);
  for (const button of form.querySelectorAll("button.ogpu-f-tool, button.ogpu-f-add"))
    if (button.title) put(button, "aria-label", button.title);
  for (const button of form.querySelectorAll("button.ogpu-f-folds"))
    put(button, "aria-expanded", String(button.classList.contains("ogpu-f-open")));
  for (const words of form.querySelectorAll(".ogpu-f-status")) put(words, "role", "status");
}

// In a notebook plain keys are commands: Enter on a button would leave for the editor, two d's
// on a box to tick would delete the cell.
function keep_keys(event) {
  if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Escape")
    event.stopPropagation();
}

function later(run) {
  let due = 0;
  return () => {
    if (!due)
      due = requestAnimationFrame(() => {
        due = 0;
        run();
      });
  };
}

// The kernel says where to go on after a press. Whoever has gone on meanwhile stays there.
function focus(form, name, pressed, tries = 40) {
  const here = document.activeElement;
  if (here && here !== pressed && !here.contains(form)) return;
  const place = form.querySelector(`.${CSS.escape(name)}`);
  const shown = (node) => node.offsetParent !== null && !node.disabled;
  const found = place && [place, ...place.querySelectorAll(`${INPUTS}, button`)].find(
    (node) => node.matches(`${INPUTS}, button`) && shown(node),
  );
  if (!found) {
    if (tries > 0) setTimeout(() => focus(form, name, pressed, tries - 1), 25);
    return;
  }
  found.focus();
  found.scrollIntoView({ block: "nearest" });
}

async function copy(form, text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return select(form) && document.execCommand("copy");
  }
}

// Where there is no clipboard the text is selected, so that one key copies it.
function select(form) {
  const [text] = form.querySelectorAll(".ogpu-f-cell pre");
  if (!text) return false;
  const range = document.createRange();
  range.selectNodeContents(text);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  text.focus();
  return true;
}

function render({ model, el }) {
  el.style.display = "none";
  let form = null;
  let watch = null;
  let pressed = null;
  const press = (event) => (pressed = event.target.closest(`button, ${INPUTS}`));
  const start = (tries) => {
    form = el.closest(".ogpu-form");
    if (!form) {
      if (tries > 0) setTimeout(() => start(tries - 1), 25);
      return;
    }
    form.addEventListener("keydown", keep_keys);
    form.addEventListener("click", press, true);
    const name = later(() => name_all(form));
    watch = new MutationObserver(name);
    watch.observe(form, {
      subtree: true, childList: true, attributes: true, attributeFilter: ["class", "title"],
    });
    name();
  };
  start(200);
  const hear = async (message) => {
    if (!form || form.offsetParent === null) return;
    if (message.kind === "focus") focus(form, message.place, pressed);
    if (message.kind === "copy") {
      const copied = await copy(form, message.text);
      model.send({ kind: "copied", copied: Boolean(copied) });
    }
  };
  model.on("msg:custom", hear);
  return () => {
    if (watch) watch.disconnect();
    if (form) {
      form.removeEventListener("keydown", keep_keys);
      form.removeEventListener("click", press, true);
    }
    model.off("msg:custom", hear);
  };
}

export default { render };
