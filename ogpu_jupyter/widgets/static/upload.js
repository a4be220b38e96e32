// A file input with its label. The size is looked at before anything is sent.
const PART = 1024 * 1024;

async function send(model, file) {
  if (file.size > model.get("max_bytes")) {
    model.send({ kind: "large", name: file.name, size: file.size });
    return;
  }
  model.send({ kind: "file", name: file.name, type: file.type, size: file.size });
  for (let at = 0; at < file.size; at += PART) {
    const part = await file.slice(at, at + PART).arrayBuffer();
    model.send({ kind: "part" }, undefined, [part]);
  }
  model.send({ kind: "end" });
}

function render({ model, el }) {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = model.get("accept");
  input.setAttribute("aria-label", model.get("label"));
  input.addEventListener("change", () => {
    const [file] = input.files;
    input.setAttribute("aria-busy", "true");
    const done = () => input.removeAttribute("aria-busy");
    if (file) send(model, file).then(done, done);
  });
  el.classList.add("ogpu-f-upload");
  el.appendChild(input);
}

export default { render };
